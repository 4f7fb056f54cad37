"""Credentials that are known by their form alone: issuers' prefixes, key blocks, tokens that carry a signature.

Facts about forms come from the issuers' documentation and the public rules of gitleaks (github.com/gitleaks/gitleaks).
"""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from perdure.safety.secrets.folding import only, words_of

_START = r"(?<![A-Za-z0-9])"
FIRST = 4
"""By as many characters at the beginning of a word, or as few as the word has, shapes are looked up."""
_FEWEST_DIFFERENT = 4
"""Fewer different characters at its end, as in ``ghp_xxxxxxxx``, and it stands for a credential without being one."""
_WORD = re.compile("[A-Za-z0-9]+")


@dataclass(frozen=True)
class Shape:
    """``literals``: without one of them in the text the pattern is not tried. Group 1, where there is one, is the credential.

    ``within``: a literal may stand inside a word of letters and digits, and not only where one begins.
    """

    kind: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    within: bool = False

    def found_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the credentials of this shape begin and end."""
        if any(literal in text for literal in self.literals):
            for match in self.pattern.finditer(text):
                start, end = match.span(1 if self.pattern.groups else 0)
                if not stands_for_one(text[start:end]):
                    yield start, end


def stands_for_one(credential: str) -> bool:
    """Whether it is one of those that documentation shows: of an issuer's form, and plainly nobody's."""
    end = credential[-12:]
    return len(set(end)) < _FEWEST_DIFFERENT or end.endswith(("EXAMPLE", "EXAMPLEKEY"))


def _prefixed(kind: str, literals: str, pattern: str, *, within: bool = False) -> Shape:
    return Shape(kind, tuple(literals.split()), re.compile(_START + pattern), within)


_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

PREFIXED: tuple[Shape, ...] = (
    _prefixed(
        "aws-access-key",
        "AKIA ASIA ABIA ACCA A3T",
        r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}(?![A-Za-z0-9])",
    ),
    _prefixed(
        "aws-bedrock-key",
        "ABSK bedrock-api-key-",
        r"(?:ABSK[A-Za-z0-9+/]{100,}={0,2}|bedrock-api-key-[A-Za-z0-9+/=]{20,})",
    ),
    _prefixed(
        "github-token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{36,})",
    ),
    _prefixed(
        "gitlab-token",
        "glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glwt- glrtr- GR1348941",
        r"(?:gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt|rtr)-[\w.-]{20,}|GR1348941[\w-]{20,})",
    ),
    _prefixed(
        "slack-token",
        "xox xapp- xwfp-",
        r"(?:xox[a-z](?:\.xox[a-z])?-(?=[A-Za-z-]*\d)[A-Za-z0-9-]{10,}|(?:xapp|xwfp)-[A-Za-z0-9-]{20,})",
    ),
    _prefixed(
        "openai-key",
        "sk-",
        r"(?:sk-[\w-]{4,}T3BlbkFJ[\w-]{4,}|sk-(?:proj|svcacct|admin|None)-[\w-]{20,})",
    ),
    _prefixed("anthropic-key", "sk-ant-", r"sk-ant-[\w-]{20,}"),
    _prefixed(
        "secret-key", "sk-", r"sk-(?=[\w-]{0,60}\d)(?:[A-Za-z]{2,4}-(?:v\d-)?)?[A-Za-z0-9]{8}[\w-]{16,}"
    ),
    _prefixed("groq-key", "gsk_", r"gsk_[A-Za-z0-9]{20,}"),
    _prefixed("hugging-face-token", "hf_ api_org_", r"(?:hf_|api_org_)[A-Za-z0-9]{20,}"),
    _prefixed("replicate-token", "r8_", r"r8_[A-Za-z0-9]{20,}"),
    _prefixed("perplexity-key", "pplx-", r"pplx-[A-Za-z0-9]{20,}"),
    _prefixed("xai-key", "xai-", r"xai-[A-Za-z0-9]{60,}"),
    _prefixed("nvidia-key", "nvapi-", r"nvapi-[\w-]{50,}"),
    _prefixed("langsmith-key", "lsv2_", r"lsv2_(?:pt|sk)_[A-Za-z0-9]{20,}(?:_[A-Za-z0-9]+)?"),
    _prefixed("pinecone-key", "pcsk_", r"pcsk_\w{40,}"),
    _prefixed("tavily-key", "tvly-", r"tvly-[A-Za-z0-9-]{24,}"),
    _prefixed("firecrawl-key", "fc-", r"fc-[0-9a-f]{32}(?![0-9a-f])"),
    _prefixed("fireworks-key", "fw_", r"fw_[A-Za-z0-9]{22,}"),
    _prefixed(
        "stripe-key",
        "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_ whsec_",
        r"(?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})",
    ),
    _prefixed("elevenlabs-key", "sk_", r"sk_[0-9a-f]{40,}"),
    _prefixed("google-api-key", "AIza", r"AIza[\w-]{20,}"),
    _prefixed(
        "google-oauth", "GOCSPX- ya29. 1//0", r"(?:GOCSPX-[\w-]{20,}|ya29\.[\w.-]{20,}|1//0[\w-]{30,})"
    ),
    _prefixed("pypi-token", "pypi-", r"pypi-[\w-]{40,}"),
    _prefixed("npm-token", "npm_", r"npm_[A-Za-z0-9]{20,}"),
    _prefixed("rubygems-key", "rubygems_", r"rubygems_[0-9a-f]{40,}"),
    _prefixed("nuget-key", "oy2", r"oy2[a-z0-9]{43}(?![a-z0-9])"),
    _prefixed("clojars-token", "CLOJARS_", r"CLOJARS_[A-Za-z0-9]{40,}"),
    _prefixed("crates-token", "cio", r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    _prefixed("docker-token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{20,}"),
    _prefixed("databricks-token", "dapi", r"dapi[0-9a-f]{32}(?:-\d)?(?![0-9a-f])"),
    _prefixed("digitalocean-token", "doo_v1_ dop_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{40,}"),
    _prefixed("sendgrid-key", "SG.", r"SG\.[\w-]{16,}\.[\w-]{30,}"),
    _prefixed("twilio-key", "SK", r"SK[0-9a-f]{32}(?![0-9A-Za-z])"),
    _prefixed("mailgun-key", "key- privkey- pubkey-", r"(?:priv|pub)?key-[0-9a-f]{32}(?![0-9A-Za-z])"),
    _prefixed("mailchimp-key", "-us", r"[0-9a-f]{32}-us\d{1,2}(?![0-9A-Za-z])", within=True),
    _prefixed("brevo-key", "xkeysib- xsmtpsib-", r"x(?:keysib|smtpsib)-[0-9a-f]{40,}(?:-[A-Za-z0-9]{10,})?"),
    _prefixed("resend-key", "re_", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    _prefixed("shopify-token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _prefixed("linear-key", "lin_", r"lin_(?:api|oauth|wh)_[A-Za-z0-9]{20,}"),
    Shape(
        "telegram-token",
        (":A",),
        re.compile(r"(?:(?<![A-Za-z0-9])|(?<=/bot))(\d{8,10}:A[\w-]{32,})"),
        within=True,
    ),
    _prefixed("heroku-key", "HRKU-", r"HRKU-[\w-]{30,}"),
    _prefixed(
        "grafana-token",
        "glsa_ glc_ eyJrIjoi",
        r"(?:glsa_\w{30,}|glc_[A-Za-z0-9+/]{30,}={0,2}|eyJrIjoi[A-Za-z0-9+/]{40,}={0,2})",
    ),
    _prefixed("sentry-token", "sntry", r"sntry[a-z]?_[A-Za-z0-9+/_=-]{40,}"),
    _prefixed("postman-key", "PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _prefixed("age-key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[0-9A-Za-z]{40,}"),
    _prefixed("fly-token", "fo1_ fm1 fm2", r"(?:fo1_[\w-]{40,}|fm[12][ar]?_[A-Za-z0-9+/=]{60,})"),
    _prefixed("planetscale-token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[\w.=-]{30,}"),
    _prefixed("pulumi-token", "pul-", r"pul-[0-9a-f]{40}"),
    _prefixed(
        "sourcegraph-token", "sgp_ slk_", r"(?:sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}|slk_[0-9a-f]{64})"
    ),
    _prefixed(
        "atlassian-token",
        "ATATT3 ATCTT3 ATSTT3 ATBB",
        r"(?:AT(?:AT|CT|ST)T3[\w=-]{50,}|ATBB[A-Za-z0-9]{24,})",
    ),
    _prefixed("notion-token", "ntn_ secret_", r"(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})"),
    _prefixed("airtable-token", "pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    _prefixed("asana-token", "1/ 2/", r"[12]/\d{15,17}(?:/\d{15,17})?:[0-9a-f]{32}"),
    _prefixed("figma-token", "figd_ figu_", r"fig[du]_[\w-]{36,}"),
    _prefixed("dropbox-token", "sl.", r"sl\.(?:u\.)?[\w-]{100,}"),
    _prefixed("netlify-token", "nfp_ nfc_ nfo_ nfu_", r"nf[pcou]_[A-Za-z0-9]{34,}"),
    _prefixed(
        "vercel-token",
        "vcp_ vci_ vca_ vcr_ vck_ vercel_blob_rw_",
        r"(?:vc[piark]_[A-Za-z0-9]{24,}|vercel_blob_rw_\w{30,})",
    ),
    _prefixed("supabase-key", "sbp_ sb_secret_", r"(?:sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,})"),
    _prefixed("neon-key", "napi_", r"napi_[a-z0-9]{40,}"),
    _prefixed("vault-token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{20,}"),
    _prefixed("terraform-token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{50,}", within=True),
    _prefixed("doppler-token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]+\.)?[A-Za-z0-9]{40,}"),
    _prefixed(
        "onepassword-token",
        "ops_eyJ A3-",
        r"(?:ops_eyJ[A-Za-z0-9+/_-]{100,}={0,3}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3})",
    ),
    _prefixed("tailscale-key", "tskey-", r"tskey-[a-z]+-[A-Za-z0-9]{10,}(?:-[A-Za-z0-9]{10,})?"),
    _prefixed(
        "new-relic-key", "NRAK- NRII- NRJS- NRRA- NRIQ-", r"(?:NRAK|NRII|NRJS|NRRA|NRIQ)-[A-Za-z0-9-]{19,}"
    ),
    _prefixed("dynatrace-token", "dt0", r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _prefixed("honeycomb-key", "hcaik_ hcxik_ hcamk_ hcxmk_", r"hc[ax][im]k_[A-Za-z0-9_]{26,}"),
    _prefixed("prefect-key", "pnu_ pnb_", r"pn[ub]_[A-Za-z0-9]{20,}"),
    _prefixed("sonar-token", "sqp_ squ_ sqa_", r"sq[pua]_[0-9a-f]{40}"),
    _prefixed("circleci-token", "CCIPAT_ CCIPRJ_", r"CCIP(?:AT|RJ)_[A-Za-z0-9]{10,}_[0-9a-f]{40}"),
    _prefixed("buildkite-token", "bkua_ bkaj_ bkct_ bkpt_ bkst_", r"bk(?:ua|aj|ct|pt|st)_[A-Za-z0-9]{20,}"),
    _prefixed("artifactory-key", "AKC cmVmd", r"(?:AKC[A-Za-z0-9]{60,}|cmVmdGtuO[A-Za-z0-9]{50,})"),
    _prefixed("octopus-key", "API-", r"API-[A-Z0-9]{26,}(?![A-Za-z0-9])"),
    _prefixed("openshift-token", "sha256~", r"sha256~[\w-]{43}"),
    _prefixed("easypost-key", "EZAK EZTK", r"EZ[AT]K[A-Za-z0-9]{54}"),
    _prefixed("flutterwave-key", "FLWSECK FLWPUBK", r"FLW(?:SEC|PUB)K(?:_TEST)?-[0-9a-zA-Z]{12,}(?:-X)?"),
    _prefixed("frameio-token", "fio-u-", r"fio-u-[\w=-]{40,}"),
    _prefixed("infracost-key", "ico-", r"ico-[A-Za-z0-9]{32}"),
    _prefixed("duffel-token", "duffel_", r"duffel_(?:live|test)_[\w=-]{40,}"),
    _prefixed("adafruit-key", "aio_", r"aio_[A-Za-z0-9]{28}"),
    _prefixed("adobe-secret", "p8e-", r"p8e-[A-Za-z0-9_-]{32}"),
    _prefixed("alibaba-key", "LTAI", r"LTAI[A-Za-z0-9]{12,24}(?![A-Za-z0-9])"),
    _prefixed("tencent-key", "AKID", r"AKID[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    _prefixed(
        "yandex-token",
        "AQVN y0_ y1_ y2_ y3_ t1.",
        r"(?:AQVN[\w-]{35,38}|y[0-3]_[\w-]{50,}|t1\.[A-Z0-9a-z_-]+={0,2}\.[\w-]{86}={0,2})",
    ),
    _prefixed("square-token", "EAAA sq0", r"(?:EAAA[\w-]{56,}|sq0(?:atp|csp|idp)-[\w-]{22,})"),
    _prefixed("facebook-token", "EAA", r"EAA[A-Z][A-Za-z0-9]{80,}"),
    _prefixed("twitter-token", "AAAAAAAAAAAAAAAAAAAA", r"A{20,}[\w%]{30,}"),
    _prefixed("plaid-token", "access-", rf"access-(?:sandbox|development|production)-{_UUID}"),
    _prefixed("shippo-token", "shippo_", r"shippo_(?:live|test)_[0-9a-fA-F]{40}"),
    _prefixed("typeform-token", "tfp_", r"tfp_[\w.-]{40,}"),
    _prefixed("readme-key", "rdme_", r"rdme_[a-z0-9]{60,}"),
    _prefixed("contentful-token", "CFPAT-", r"CFPAT-[\w-]{40,}"),
    _prefixed("cloudflare-key", "v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{140,}"),
    _prefixed("mapbox-token", "sk.eyJ", r"sk\.eyJ[\w-]{20,}\.[\w-]{20,}"),
    _prefixed("scalingo-token", "tk-us-", r"tk-us-[\w-]{48}"),
    _prefixed("settlemint-token", "sm_", r"sm_(?:aat|pat|sat)_[A-Za-z0-9]{16}"),
    _prefixed("lob-key", "live_ test_", r"(?:live|test)_(?:pub_)?(?=[0-9a-f]*\d)[0-9a-f]{31,35}(?![0-9a-f])"),
    _prefixed("mercado-pago-token", "APP_USR-", r"APP_USR-\d{12,}-\d{6}-[0-9a-f]{32}[\w-]*"),
    _prefixed("rapid-token", "secret-", rf"secret-{_UUID}"),
    _prefixed("session-cookie", "s%3A", r"s%3A[\w%-]{20,}\.[\w%+/-]{20,}"),
    Shape(
        "azure-client-secret", ("Q~",), re.compile(r"(?<![\w~.])([\w~.]{3}\dQ~[\w~.-]{30,40})"), within=True
    ),
    _prefixed(
        "discord-token",
        ".",
        r"[MNO](?=[A-Za-z_-]*\d)[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w.-])",
        within=True,
    ),
    _prefixed("vercel-token", "vercel_", r"vercel_(?=[A-Za-z]*\d)[A-Za-z0-9]{24,}"),
    _prefixed("razorpay-key", "rzp_", r"rzp_(?:live|test)_[A-Za-z0-9]{14,}"),
    _prefixed("posthog-key", "phx_ phs_", r"ph[xs]_(?=[A-Za-z]*\d)[A-Za-z0-9]{30,}"),
    _prefixed("browserbase-key", "bb_live_", r"bb_live_[\w-]{27,}"),
    _prefixed("jwt", "eyJ", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    _prefixed("jwe", "eyJ", r"eyJ[\w-]{8,}\.[\w-]*\.[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
)
"""Told by what they begin with, wherever they stand."""

_BODY = r"(?:[A-Za-z0-9+/=:,.\- \t\r\n()|>#*;\"']|\\r|\\n|\\\n){0,100000}?"
_LINE = r"(?:\s|\\r|\\n)+(?:\d{1,6}[ \t]*[:|]?[ \t]*|[>|#*+;][ \t]?)?(?:[A-Za-z0-9+/=]{16,}|(?:Proc-Type|DEK-Info)[^\n]*)"
"""A line of a block, as it is shown with numbers or marks before it."""

BLOCKS: tuple[Shape, ...] = (
    # A block whose end is missing was cut off: all that can be of it is taken.
    Shape(
        "private-key",
        ("PRIVATE KEY", "Static key"),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ )*(?:PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1)-----"
            rf"(?:{_BODY}-----END (?:[A-Z0-9]+ )*(?:PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1)-----"
            rf"|(?:{_LINE}){{0,10000}})"
        ),
    ),
    Shape(
        # Of a block whose beginning was cut off, all that can be of it.
        "private-key",
        ("PRIVATE KEY-----",),
        re.compile(
            rf"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{{16,}}(?:{_LINE}){{0,10000}}?\s+(?:\d{{1,6}}[ \t]*[:|]?[ \t]*|[>|#*+;][ \t]?)?(?:[A-Za-z0-9+/=]{{1,16}}\s+(?:\d{{1,6}}[ \t]*[:|]?[ \t]*|[>|#*+;][ \t]?)?)?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----"
        ),
    ),
    Shape(
        "private-key",
        ("Private-Lines:",),
        re.compile(r"Private-Lines: *\d+\r?\n((?:[A-Za-z0-9+/=]+\r?\n?)+)"),
    ),
    Shape(
        "slack-webhook",
        ("hooks.slack",),
        re.compile(r"(?:https?://)?hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/+-]{20,}"),
    ),
    Shape(
        "discord-webhook",
        ("/api/webhooks/",),
        re.compile(r"(?:https?://)?(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]{30,}"),
    ),
    Shape(
        "teams-webhook",
        ("webhook.office.com",),
        re.compile(r"(?:https?://)?[\w-]+\.webhook\.office\.com/webhookb2/[\w@/-]{60,}"),
    ),
    Shape(
        "braintree-token",
        ("access_token$",),
        re.compile(r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),
    ),
    Shape(
        "azure-key",
        ("AccountKey=", "SharedAccessKey="),
        re.compile(r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{20,}={0,2})"),
    ),
)
"""Found by a frame around them."""


def _within(shape: Shape) -> bool:
    return shape.within or any(literal.isalnum() and len(literal) < FIRST for literal in shape.literals)


def _by_first(shapes: tuple[Shape, ...]) -> dict[str, tuple[Shape, ...]]:
    """Shapes by what a word begins with that one of their literals begins with."""
    table: dict[str, tuple[Shape, ...]] = {}
    for shape in shapes:
        words = [_WORD.match(literal) for literal in shape.literals] if not _within(shape) else []
        for first in dict.fromkeys(word[0][:FIRST] for word in words if word):
            table[first] = (*table.get(first, ()), shape)
    return table


_BY_FIRST = _by_first(PREFIXED)
_WITHIN = tuple(shape for shape in PREFIXED if _within(shape))
_IN_WORDS = only(string.ascii_letters + string.digits)


def possible_in(runs: str) -> list[Shape]:
    """Those of PREFIXED that may be in a text without anything but ASCII: one look at it instead of one for each."""
    firsts = {word[:FIRST] for word in runs.encode("ascii", "replace").translate(_IN_WORDS).split()}
    begun = [shape for first in firsts for shape in _BY_FIRST.get(first.decode(), ())]
    return list(dict.fromkeys([*begun, *_WITHIN]))


_BLOCKS_BY_WORDS = tuple(
    (shape, [words_of(literal.lower()) for literal in shape.literals]) for shape in BLOCKS
)


def blocks_possible_in(words: str) -> list[Shape]:
    """Those of BLOCKS that may be in a text with this vocabulary."""
    return [
        shape
        for shape, literals in _BLOCKS_BY_WORDS
        if any(all(word in words for word in literal) for literal in literals)
    ]
