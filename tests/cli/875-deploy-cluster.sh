# Goal: for Kubernetes it is kubectl that applies, waits and goes back, with what
# --output shows; nothing more is asked of it.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
cp "$TOP/tests/golden/vectors/signed.eif" app.eif
registry one
APP=$REG/team/app
run 0 "$ENCL" push app.eif "$APP:1"
cat >enclave.yaml <<END
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: my.app
version: "1"
arch: x86_64
rootfs: [{directory: {path: .}}]
boot: {kernel: {blobs: .}}
app: {command: [/app]}
deploy:
  image: $APP:1
  gate: {timeoutSeconds: 77}
  targets: [{name: fleet, kubernetes: {namespace: team, toolImage: registry.example/tool:1}}]
END
mkdir bin
cat >bin/kubectl <<END
#!/bin/sh
echo "\$*" >>$WORK/asked
case \$1 in
apply) cat >$WORK/applied; cat $WORK/says; exit \$(cat $WORK/apply) ;;
rollout) exit \$(cat "$WORK/\$2") ;;
esac
END
chmod 755 bin/kubectl
answers() { # answers APPLY STATUS UNDO: the exit codes
	rm -f asked
	echo "$1" >apply
	echo "$2" >status
	echo "$3" >undo
}
: >says
export PATH=$WORK/bin:$PATH
run 0 "$ENCL" deploy --output shown

answers 0 0 0
run 0 "$ENCL" deploy
same "result" "my.app deployed on fleet" "$(cat out)"
cmp applied shown/kubernetes.yaml || fail "something else was applied"
same "what was asked" "apply -f -
rollout status deployment/my-app -n team --timeout=677s" "$(cat asked)"

answers 0 1 0
rejects 1 "fleet: deployment/my-app did not become ready within 677 s; the revision before it is back" "$ENCL" deploy -q
same "what was asked" "apply -f -
rollout status deployment/my-app -n team --timeout=677s
rollout undo deployment/my-app -n team" "$(cat asked)"
answers 0 1 1
rejects 1 "fleet: deployment/my-app did not become ready within 677 s; there is no revision before it to go back to" "$ENCL" deploy -q
# The same again: a revision before it is not what was there.
echo "deployment.apps/my-app unchanged" >says
answers 0 1 0
rejects 1 "fleet: deployment/my-app did not become ready within 677 s; it is the revision that was there already" "$ENCL" deploy -q
same "what was asked" "apply -f -
rollout status deployment/my-app -n team --timeout=677s" "$(cat asked)"
: >says
answers 1 0 0
rejects 1 "fleet: kubectl apply failed (exit 1)" "$ENCL" deploy -q
same "what was asked" "apply -f -" "$(cat asked)"
rm bin/kubectl
mkdir none
PATH=$WORK/none run 5 "$ENCL" deploy -q
same "stderr" "enclavebuild: kubectl is not installed" "$(cat err)"
