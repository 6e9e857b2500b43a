"""Files that want to kill whoever reads them; none is over 1 MiB."""

from tests.ports.test_repo import SHOP

HOSTILE = {
    b"brackets.yaml": b"[" * (1 << 20),
    b"braces.yaml": b"{a: " * (1 << 18),
    b"alias.yaml": b"apiVersion: rollout.dev/v1alpha1\na: &a [x]\n"
    + b"".join(b"l%d: &l%d [*a,*a,*a,*a]\n" % (i, i) for i in range(900)),
    b"merge.yaml": b"apiVersion: rollout.dev/v1alpha1\na: &a {}\n"
    + b"".join(b"b%d: {<<: [*a,*a]}\n" % i for i in range(900)),
    b"number.yaml": b"apiVersion: rollout.dev/v1alpha1\na: " + b"9" * 5000,
    b"tag.yaml": b"apiVersion: rollout.dev/v1alpha1\na: !!int ''",
    b"deep.json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b"keys.yaml": b"apiVersion: rollout.dev/v1alpha1\nspec:\n"
    + b"".join(b"  k%d: 1\n" % i for i in range(9_000)),
    b"errors.yaml": b"apiVersion: rollout.dev/v1alpha1\nkind: Rollout\nspec: {strategy: {canary: "
    + b"{steps: ["
    + b"{weight: x}," * 3300
    + b"]}}}",
    b"utf16.yaml": "apiVersion: rollout.dev/v1alpha1".encode("utf-16"),
    b"latin.yaml": b"a: \xff",
    b"nul.yaml": b"a: \0",
    b"long.yaml": b"apiVersion: rollout.dev/v1alpha1\na: " + b"x" * 1_000_000,
    b"regex.yaml": (SHOP % "v1")
    .replace("canary: {}", "canary: {steps: [{cohorts: [%s]}]}")
    .encode()
    % b",".join(b"{path: {regex: '(\\\\w{9}|\\\\d{8}){2}%d'}}" % i for i in range(300)),
}
