"""What no option alone is wrong with: the chart says the same in ``templates/_names.tpl``."""

from rollout.cli.installing import mounts
from rollout.cli.installing.workload import Installation
from rollout.cli.policy import Policy
from rollout.errors import RefusedError


def check(made: Installation, policy: Policy) -> None:
    """Errors: ``RefusedError`` for Secrets that nobody would read, or nobody mounts."""
    if made.only and made.only == made.own:
        wanted = "the teams' namespace, so that their Secrets and ours stay apart"
        raise RefusedError(f"--namespace: {made.only!r} is the controller's own; want {wanted}")
    secrets = made.secrets
    slack, oidc = policy.slack, policy.page.oidc
    _mounted("slack", secrets.slack, "slack.botToken", slack.bot_token)
    _mounted("slack", secrets.slack, "slack.appToken", slack.app_token)
    _mounted("slack", secrets.slack, "slack.signingSecret", slack.signing_secret)
    if oidc is not None:
        _mounted("oidc", secrets.oidc, "page.oidc.clientSecret", oidc.client_secret)
        _mounted("oidc", secrets.oidc, "page.oidc.ca", oidc.ca)
    _mounted("push", secrets.push, "push.secret", policy.push.secret)
    wanted = f"{mounts.folder('push')}/secret"
    if secrets.push and policy.push.secret != wanted:
        raise RefusedError(
            f"--push-secret: is mounted and not read; want push.secret: {wanted} in the policy"
        )


def _mounted(name: str, secret: str, where: str, file: str) -> None:
    if not secret and file.startswith(f"{mounts.folder(name)}/"):
        found = f"names a file of the Secret --{name}-secret, which is empty"
        raise RefusedError(f"{where} in the policy: {found}; name the Secret")
