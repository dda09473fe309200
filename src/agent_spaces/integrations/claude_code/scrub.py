"""Secrets out of a text before it leaves the machine.

A summary loses nothing by a word that was taken for a secret, so doubt decides against the word. Every pattern is
linear in the text: no input makes a hook slow.
"""

import math
import re

GONE = "[secret removed]"

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL
)
_URL_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20}://)[^\s/@]{1,500}@")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}")
_SCHEME = re.compile(r"\b(bearer|basic|digest|negotiate)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_HEADER = re.compile(
    r"\b((?:set-)?cookie|(?:proxy-)?authorization|x-[a-z-]{0,40}(?:key|token|auth|secret))\s*[:=][^\n]+", re.IGNORECASE
)
_KNOWN = re.compile(
    r"\b(?:(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{12,}|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"
    r"|gl(?:pat|dt|rt|cbt|ptt|oas|soat|agent|imt|ft)-[\w.-]{12,}|(?:sk|pk|rk|ak|key)[-_][A-Za-z0-9_-]{12,}"
    r"|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|AIza[\w-]{20,}|ya29\.[\w.-]{8,}|1//0[\w-]{20,}|GOCSPX-[\w-]{10,}"
    r"|npm_[A-Za-z0-9]{16,}|pypi-[\w-]{16,}|hf_[A-Za-z0-9]{16,}|r8_[A-Za-z0-9]{16,}|SG\.[\w.-]{16,}|whsec_[\w+/=-]{8,}"
    r"|do[opr]_v1_[a-f0-9]{16,}|dapi[a-f0-9]{24,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{16,}|EAA[A-Za-z0-9]{20,}"
    r"|AC[a-f0-9]{32}|lin_api_\w{16,}|ntn_\w{16,}|secret_[A-Za-z0-9]{16,}|tskey-[\w-]{8,}|hvs\.[\w-]{8,}"
    r"|s\.[A-Za-z0-9]{24}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}|figd_[\w-]{16,}|sbp_[a-f0-9]{16,}|dckr_pat_[\w-]{12,}|vercel_\w{12,})"
)
_WORD = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|signing[-_ ]?key"
    r"|encryption[-_ ]?key|master[-_ ]?key|account[-_ ]?key|client[-_ ]?secret|credentials?|auth|signature|sig|otp|pin"
)
# A name that ends in such a word (DB_PASSWORD, apiKey, --token), what joins it to a value, and the value.
_NAMED = re.compile(
    rf"(?P<name>(?<![A-Za-z0-9])[\w.-]{{0,60}}?(?:{_WORD})s?(?:_[a-z0-9]{{1,12}}|[0-9]{{1,3}})?[\"'`]?)"
    r"(?P<joint>\s{0,5}(?:=>|:=|==|=|:)\s{0,5}|\s{1,3}(?:is|was|to)\s{1,3}(?=[\"'`]|\S*[0-9!#$%&*+/=?^~])"
    r"|(?<=[\w-]) (?=\S*[0-9]))"
    r"(?P<value>\"[^\"\n]{1,500}\"?|'[^'\n]{1,500}'?|`[^`\n]{1,500}`?|[^\s,;)}\]\"'`]{1,500})",
    re.IGNORECASE,
)
_LONG = re.compile(r"(?<![A-Za-z0-9+/_=.-])[A-Za-z0-9+/_=-]{20,}")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{32,}")
_ENTROPY_MIN = 3.6  # bits a character; words of English joined together stay below


def scrubbed(text: str) -> str:
    """Return text in which whatever looks like a secret is replaced by GONE."""
    text = _PRIVATE_KEY.sub(GONE, text)
    text = _URL_CREDENTIALS.sub(rf"\1{GONE}@", text)
    text = _HEADER.sub(rf"\1: {GONE}", text)
    text = _JWT.sub(GONE, text)
    text = _SCHEME.sub(rf"\1 {GONE}", text)
    text = _KNOWN.sub(GONE, text)
    text = _NAMED.sub(_without_value, text)
    return _LONG.sub(_without_noise, text)


def _without_value(found: re.Match[str]) -> str:
    value = found["value"]
    if value.startswith("[secret") or value.strip("\"'`").lower() in ("", "true", "false", "none", "null"):
        return found[0]
    return f"{found['name']}{found['joint']}{GONE}"


def _without_noise(found: re.Match[str]) -> str:
    """Replace what looks random: long hex, or long words of mixed letters and digits."""
    return "/".join(GONE if _is_noise(part) else part for part in _parts(found[0]))


def _parts(word: str) -> list[str]:
    """Return the word whole if it is base64, else the names of a path."""
    return [word] if word.count("/") <= 2 and _is_noise(word) else word.split("/")


def _is_noise(word: str) -> bool:
    if _HEX.fullmatch(word):
        return True
    kinds = (any(c.isdigit() for c in word), any(c.islower() for c in word), any(c.isupper() for c in word))
    return len(word) >= 20 and all(kinds) and sum(c.isdigit() for c in word) >= 2 and _entropy(word) >= _ENTROPY_MIN


def _entropy(word: str) -> float:
    counts = [word.count(character) for character in set(word)]
    return -sum(count / len(word) * math.log2(count / len(word)) for count in counts)
