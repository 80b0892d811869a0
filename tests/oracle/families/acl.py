"""https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/"""

from __future__ import annotations

from tests.oracle.comparisons import help_text, same_kind, same_shape, unordered
from tests.oracle.family import Family
from tests.oracle.values import pool

RULES = pool(
    "on off nopass resetpass reset >secret >other <secret ~a ~* ~b* %R~a %W~b %RW~c allkeys resetkeys"
    " &news &* allchannels resetchannels +@all -@all +get +set -set +@read -@write +@string"
    " allcommands nocommands +client|id -config|set sanitize-payload skip-sanitize-payload"
    " clearselectors",
    ["", "nosuch", "+nosuch", "+@nosuch", "-get|x", "~", "%", "%X~a", "%R", ">", "<nosuch", "&",
     "(+get ~a)", "(+@all ~b", "( )", "(on)", "+config|nosuch", "#abc", "!abc", "+GET", "ON", "+@ALL",
     "#" + "a" * 64, "!" + "a" * 64, "~a b", "+client|kill|x"],
)  # fmt: skip

ACL = Family(
    "acl",
    """
    ACL SETUSER user rule ...
    ACL SETUSER user "on" "nopass" rule rule rule
    ACL GETUSER user
    ACL DELUSER user ...
    ACL LIST
    ACL USERS
    ACL WHOAMI
    ACL CAT [category]
    ACL DRYRUN user command [key] [value]
    ACL GENPASS [bits]
    ACL HELP
    ACL nosuch
    AUTH user password
    AUTH user password
    GET key
    SET key value
    SET key value GET
    MGET key ...
    SORT key BY "a*" GET "#"
    SORT_RO key GET "b"
    PUBLISH "news" value
    EVAL "return redis.call('GET', KEYS[1])" 1 key
    RESET
    """,
    setup="""
    ACL SETUSER user "on" "nopass" "+@all" "~*"
    ACL SETUSER user "on" ">secret" rule rule
    AUTH user "secret"
    """,
    pools={
        "user": pool("ann ann bob", ["nobody", "", "with space", "Ann"]),
        "rule": RULES,
        "password": pool("secret other", ["", "wrong"]),
        "category": pool(
            "string connection fast transaction geo", ["nosuch", "", "STRING", "@string"]
        ),
        "command": pool("GET SET CONFIG CLIENT MGET", ["nosuch", "", "get"]),
        "bits": pool("64 128 5 256", ["0", "-1", "4097", "4096", "abc", ""]),
        "nosuch": pool("nosuch", [""]),
    },
    comparisons={
        "ACL HELP": help_text,
        "ACL GENPASS": same_shape,
        "ACL CAT": same_kind,
        "ACL LIST": unordered,
        "ACL USERS": unordered,
    },
    clients=2,
    # Redis 8.2 leaves out AUTH's error where an earlier reply is still unsent, as within EXEC.
    in_multi=False,
    reset=(
        (b"ACL", b"DELUSER", b"ann", b"bob", b"nobody", b"Ann"),
        (b"ACL", b"LOG", b"RESET"),
    ),
)
