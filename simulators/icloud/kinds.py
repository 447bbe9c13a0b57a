"""Names requests: CloudKit's and Apple's names for their pages; pure."""

KINDS = (
    "signin/init",
    "signin/complete",
    "repair/complete",
    "securitycode",
    "verify/phone",
    "2sv/trust",
    "accountLogin",
    "validate",
    "logout",
    "requestWebAccessState",
    "requestPCS",
    "zones/list",
    "changes/database",
    "changes/zone",
    "records/query",
    "records/query/batch",
    "records/lookup",
    "records/modify",
)


def request_kind(path: str) -> str:
    """Sort a request by its path: one of KINDS, `download`, `admin` or `other`."""
    if path.startswith("/B/"):
        return "download"
    if path.startswith("/admin/"):
        return "admin"
    return next((kind for kind in KINDS if path.endswith(kind)), "other")
