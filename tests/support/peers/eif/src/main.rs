// SPDX-License-Identifier: Apache-2.0
//! AWS's own library for enclave images, as a program for the tests:
//! eif-peer read IMAGE			what describe-eif would tell
//! eif-peer build KERNEL CMDLINE METADATA RAMDISK0 RAMDISK1 OUT [CERTIFICATE KEY]
//! (CMDLINE and METADATA are files; the result is not told, only written)
use aws_nitro_enclaves_image_format::utils::eif_reader::EifReader;
use aws_nitro_enclaves_image_format::utils::{EifBuilder, SignKeyData};
use serde_json::json;
use sha2::{Digest, Sha384};
use std::fs::File;
use std::path::Path;

fn read(path: &str) -> Result<serde_json::Value, String> {
    let mut reader = EifReader::from_eif(path.to_string())?;
    let measurements = reader.get_measurements()?;
    let signed = reader.signature_section.is_some();
    let mut out = json!({"Measurements": measurements, "CheckCRC": reader.check_crc(), "IsSigned": signed});
    if signed {
        let info = reader.get_certificate_info(measurements)?;
        out["SignatureCheck"] = json!(reader.sign_check);
        out["IssuerName"] = json!(info.issuer_name);
        out["NotAfter"] = json!(info.not_after);
        out["Signature"] = json!(info.signature);
    }
    if let Some(m) = reader.get_metadata() {
        out["Metadata"] = serde_json::to_value(m).map_err(|e| e.to_string())?;
    }
    Ok(out)
}

fn build(a: &[String]) -> Result<(), String> {
    let text = |p: &str| std::fs::read_to_string(p).map_err(|e| format!("{p}: {e}"));
    let info = serde_json::from_str(&text(&a[2])?).map_err(|e| e.to_string())?;
    let sign = match a.get(6..8) {
        Some([cert, key]) => Some(SignKeyData::new(key, Path::new(cert))?),
        _ => None,
    };
    let mut b = EifBuilder::new(Path::new(&a[0]), text(&a[1])?, sign, Sha384::new(), 0, info);
    b.add_ramdisk(Path::new(&a[3]));
    b.add_ramdisk(Path::new(&a[4]));
    let mut out = File::options().create_new(true).read(true).write(true).open(&a[5]).map_err(|e| e.to_string())?;
    b.write_to(&mut out);
    Ok(())
}

fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let r = match a.first().map(String::as_str) {
        Some("read") if a.len() == 2 => read(&a[1]).map(|v| println!("{v:#}")),
        Some("build") if a.len() == 7 || a.len() == 9 => build(&a[1..]),
        _ => Err("eif-peer read IMAGE | build KERNEL CMDLINE METADATA RAMDISK0 RAMDISK1 OUT [CERTIFICATE KEY]".into()),
    };
    if let Err(e) = r {
        eprintln!("eif-peer: {e}");
        std::process::exit(1);
    }
}
