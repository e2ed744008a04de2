# Goal: the page of `report` loads nothing, runs nothing, is well-formed, shows
# hostile names as text, has areas that add up to the image in bytes and as drawn,
# is reached by keyboard and without script, and is the same every time.
. "$(dirname "$0")/lib.sh"
need python3 tidy chromium
R() { "$ENCL" report "$@"; }
page() { "$TOP/tests/support/page.py" "$@"; }
"$TOP/tests/support/fake-blobs.sh" blobs
hostile() { python3 "$TOP/tests/support/hostile-eif.py" "$@"; }

# ---- two examples: hello (signed, of its manifest) and services ----
openssl ecparam -name secp384r1 -genkey -noout -out key.pem 2>/dev/null
openssl req -new -x509 -key key.pem -sha384 -days 36500 -subj "/CN=report" -out cert.pem
cp -r "$TOP/examples/hello" "$TOP/examples/services" .
cp key.pem cert.pem hello/
printf '\nsign: {certificate: cert.pem, key: key.pem}\n' >>hello/enclave.yaml
for x in hello services; do
	(cd $x && "$ENCL" lock -q && "$ENCL" build -q -o $x.eif) >/dev/null
done
run 0 R hello/hello.eif --manifest hello/enclave.yaml -m hello/hello.measurements.json \
	--against services/services.eif -o hello.html
same "what is said" hello.html "$(cat out)"
run 0 R services/services.eif -o services.html

# the same bytes from another folder, locale, time zone, number of threads, and
# of the clock
mkdir -p "an other/place"
cp hello/hello.eif hello/hello.measurements.json services/services.eif "an other/place"
(
	cd "an other/place" || exit
	LC_ALL=C LANG=tr_TR.UTF-8 TZ=Asia/Kathmandu umask 077
	R -j 1 ./hello.eif --manifest "$WORK/hello/enclave.yaml" -m "$PWD/hello.measurements.json" \
		--against "$PWD/services.eif" -o hello.html
) >/dev/null
cmp hello.html "an other/place/hello.html"
same "mode" 644 "$(stat -c %a "an other/place/hello.html")"
! grep -qF -e "$WORK" -e "an other" hello.html || fail "a path of this machine is in the page"

# ---- hostile: names, packages, settings, metadata ----
hostile a.eif blobs/bzImage
hostile b.eif blobs/bzImage other
run 3 R b.eif --against a.eif -o hostile.html
same "why" 'enclavebuild: b.eif: boundaries: command line: byte 38 is 0x7f and no printable ASCII character (hostile.html has the rest)' "$(cat err)"

# ---- well-formed ----
for x in hello services hostile; do
	tidy -q -e $x.html >tidy.all 2>&1 || [ $? -eq 1 ] || fail "$x.html: $(cat tidy.all)"
	# it does not know where an <svg> in another one stands
	grep -vE '<svg> proprietary attribute "(x|y|width|height)"$' tidy.all >tidy.out || true
	[ ! -s tidy.out ] || fail "$x.html: $(cat tidy.out)"
	! grep -nE '<(script|link|iframe|object|img|base|form)' $x.html || fail "$x.html has what loads"
done

# ---- in a browser, from a server that sees what is asked of it ----
python3 -u -m http.server --bind 127.0.0.1 0 >>server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; finish' EXIT
for _ in $(seq 100); do
	port=$(sed -n 's/.*127.0.0.1 port \([0-9]*\).*/\1/p' server.log)
	[ -z "$port" ] || break
	sleep 0.2
done
[ -n "$port" ] || fail "no server: $(cat server.log)"

# each picture: bytes of its leaves; what they cover as drawn, against their share
cat >areas.js <<'JS'
JSON.stringify([...document.querySelectorAll("svg.map")].map(map => {
	const whole = Number(map.dataset.bytesTotal), box = map.viewBox.baseVal;
	let bytes = 0, area = 0, off = 0, outside = 0;
	for (const r of map.querySelectorAll("rect[data-bytes]")) {
		const [x, y, w, h] = ["x", "y", "width", "height"].map(k => r[k].baseVal.value);
		bytes += Number(r.dataset.bytes);
		area += w * h;
		off = Math.max(off, Math.abs(w * h - Number(r.dataset.bytes) / whole * box.width * box.height)
			- 0.003 * (w + h + 1));
		outside += x < 0 || y < 0 || x + w > box.width + 1e-3 || y + h > box.height + 1e-3;
	}
	return [whole, bytes, Math.abs(area / box.width / box.height - 1) < 1e-6, off <= 0, outside];
}))
JS
cat >tags.js <<'JS'
JSON.stringify([...new Set([...document.querySelectorAll("*")].map(e => e.localName))].sort().join(" "))
JS
cat >events.js <<'JS'
[...document.querySelectorAll("*")].flatMap(e => [...e.attributes].map(a => e.localName + " " + a.name + "=" + a.value))
	.filter(a => / on|javascript:| src=| style=|^a href=[^#]|srcset|action=/.test(a.replace(/(data-|aria-label=).*/, ""))).join("; ")
JS
cat >drawn.js <<'JS'
(() => { const map = [...document.querySelectorAll("svg.map")].find(m => m.getBoundingClientRect().width > 0);
	const all = map.getBoundingClientRect(); let area = 0;
	for (const r of map.querySelectorAll("rect[data-bytes]")) {
		const b = r.getBoundingClientRect(); area += b.width * b.height; }
	return map.closest(".view").id + " " + (Math.abs(area / (all.width * all.height) - 1) < 0.001); })()
JS
known='"a body br caption code dd defs details div dl dt figcaption figure footer g h1 h2 h3 head header html input label li main meta nav p pattern pre rect section span strong style summary svg table tbody td text th thead title tr ul"'
value() { python3 -c 'import json,sys; print(json.load(open("seen"))["values"][sys.argv[1]])' "$1"; }
looks() { # looks PAGE.html IMAGE OPTION…: opened, it does nothing and adds up
	local html=$1 size
	size=$(stat -c %s "$2")
	shift 2
	: >server.log
	page "$@" --tabs 45 "http://127.0.0.1:$port/$html" "areas=$(cat areas.js)" "tags=$(cat tags.js)" \
		"events=$(cat events.js)" "drawn=$(cat drawn.js)" "scripts=document.scripts.length" \
		"title=document.title" "name=document.querySelector('h1').textContent" >seen
	same "$html: requests, as the browser tells" "[\"http://127.0.0.1:$port/$html\"]" \
		"$(python3 -c 'import json; print(json.dumps(json.load(open("seen"))["requests"]))')"
	same "$html: requests, as the server sees them" "\"GET /$html HTTP/1.1\" 200" \
		"$(grep -o '"GET.*" [0-9]*' server.log)"
	same "$html: console and dialogs" "[] []" \
		"$(python3 -c 'import json; s = json.load(open("seen")); print(s["console"], s["dialogs"])')"
	same "$html: areas" "$(python3 -c "import json; print(json.dumps([[$size, $size, True, True, 0]] * 3, separators=(',', ':')))")" "$(value areas)"
	same "$html: drawn" "view-origin True" "$(value drawn | sed 's/true/True/')"
	same "$html: scripts" 0 "$(value scripts)"
	same "$html: attributes that do or load" "" "$(value events)"
	for tag in $(value tags | tr -d '"'); do
		case " ${known//\"/} " in *" $tag "*) ;; *) fail "$html: an element <$tag>" ;; esac
	done
}
looks hello.html hello/hello.eif
tabs=$(python3 -c 'import json; print("\n".join(json.load(open("seen"))["tabs"]))')
for reached in "a Skip to the report" "a Checks" "input#by-origin" "summary"; do
	grep -q "^$reached" <<<"$tabs" || fail "Tab does not reach \"$reached\": $tabs"
done
looks services.html services/services.eif --no-script --dark --width 400
looks hostile.html b.eif
same "title" "</title><script>alert('name')</script> \"><img src=version onerror=alert(1)> · enclave image report" "$(value title)"

# what is hostile can be read
cat >text.js <<'JS'
(() => { const t = document.documentElement.textContent; return JSON.stringify([
	"rootfs/srv/<script>alert(20)</script>", "\"><img src=f onerror=alert(21)>", "&lt;b&gt;&#60;b&#62;&amp;",
	"\\x01\\x07\\x1b[31mred", "a\\x0ab", "\\xff\\xfe\\x80\\xc3(", "\\xe2\\x80\\xaegnp.exe", "back\\x5cslash",
	"1<script>alert(9)</script>", "\"><img src=arch onerror=alert(10)>", "/bin/<img src=argv onerror=alert(6)>",
	"<script>alert(7)</script>", "</pre><script>alert(40)</script>\\x7f", "+other<img src=said onerror=alert(31)>",
	"later<b>", "<svg onload=alert(2)>", "Debug access is built in."
	].filter(s => !t.includes(s))); })()
JS
page "http://127.0.0.1:$port/hostile.html" "missing=$(cat text.js)" \
	"bad=/[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069]/.test(document.documentElement.outerHTML)" >seen
same "names that are not shown" "[]" "$(value missing)"
same "control bytes, marks of direction" False "$(value bad)"

# by keyboard: a view is chosen, details open; without script
page --no-script --press "#by-origin ArrowRight" --press "#packages summary Enter" --press "#told summary Enter" \
	"http://127.0.0.1:$port/services.html" "drawn=$(cat drawn.js)" \
	"open=document.querySelector('#told details').open" >seen
same "the view after an arrow" "view-package true" "$(value drawn)"
same "details after Enter" True "$(value open)"

# from a file too
page "file://$WORK/hello.html" "n=document.querySelectorAll('section').length" >seen
same "from a file" "['file://$WORK/hello.html'] [] []" \
	"$(python3 -c 'import json; s = json.load(open("seen")); print(s["requests"], s["console"], s["dialogs"])')"
same "sections" 12 "$(value n)"
kill $server
