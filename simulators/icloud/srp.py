"""Apple's side of SRP-6a: proves a password without seeing it; it never stores or logs one."""

import secrets
from dataclasses import dataclass
from hashlib import pbkdf2_hmac, sha256
from typing import Literal

Protocol = Literal["s2k", "s2k_fo"]

# RFC 5054, the 2048-bit group.
_N_HEX = (
    "AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050"
    "A37329CBB4A099ED8193E0757767A13DD52312AB4B03310DCD7F48A9DA04FD50"
    "E8083969EDB767B0CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B8"
    "55F97993EC975EEAA80D740ADBF4FF747359D041D5C33EA71D281E446B14773B"
    "CA97B43A23FB801676BD207A436C6481F1D2B9078717461A5B9D32E688F87748"
    "544523B524B0D57D5EA77A2775D2ECFA032CFBDBF52FB3786160279004E57AE6"
    "AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C38271AE35F8E9DBFBB6"
    "94B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F9E4AFF73"
)
_N = int(_N_HEX, 16)
_WIDTH = 256
_G = 2


@dataclass(frozen=True)
class Challenge:
    """What one sign-in attempt may answer: B goes out, m1 must come back, m2 confirms it."""

    public: bytes
    expected_m1: bytes
    expected_m2: bytes

    def accepts(self, m1: bytes, m2: bytes) -> bool:
        """Say whether the client knew the password; both proofs are compared in constant time."""
        return secrets.compare_digest(m1, self.expected_m1) & secrets.compare_digest(
            m2, self.expected_m2
        )


@dataclass(frozen=True)
class Secret:
    """The account's salted verifier: v = g^x mod N."""

    salt: bytes
    iterations: int
    protocol: Protocol
    verifier: int


def _h(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def _pad(number: int) -> bytes:
    return number.to_bytes(_WIDTH, "big")


def make_secret(password: str, salt: bytes, iterations: int, protocol: Protocol) -> Secret:
    """Derive the verifier as Apple's clients derive x: no user name in it, PBKDF2 over SHA-256."""
    digest = sha256(password.encode()).digest()
    fed = digest.hex().encode() if protocol == "s2k_fo" else digest
    stretched = pbkdf2_hmac("sha256", fed, salt, iterations, 32)
    x = int.from_bytes(_h(salt, _h(b":", stretched)), "big")
    return Secret(salt, iterations, protocol, pow(_G, x, _N))


def challenge(secret: Secret, account_name: str, client_public: bytes) -> Challenge:
    """Answer the client's A with a B; raises ValueError for an A that is 0 modulo N."""
    a_number = int.from_bytes(client_public, "big")
    if a_number % _N == 0:
        raise ValueError("A must not be a multiple of N")
    public, session = _agree(secret, a_number)
    key = _h(session)
    mask = bytes(x ^ y for x, y in zip(_h(_pad(_N)), _h(_pad(_G)), strict=True))
    m1 = _h(mask, _h(account_name.encode()), secret.salt, client_public, public, key)
    return Challenge(public, m1, _h(client_public, m1, key))


def _agree(secret: Secret, a_number: int) -> tuple[bytes, bytes]:
    """Pick b until neither B nor S starts with a zero byte: clients differ in stripping those."""
    k = int.from_bytes(_h(_pad(_N), _pad(_G)), "big")
    while True:
        b = secrets.randbits(2040) | 1
        public = _pad((k * secret.verifier + pow(_G, b, _N)) % _N)
        u = int.from_bytes(_h(_pad(a_number % _N), public), "big")
        session = _pad(pow(a_number * pow(secret.verifier, u, _N), b, _N))
        if public[0] and session[0]:
            return public, session
