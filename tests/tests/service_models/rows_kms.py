"""The rows of the key service."""

from generate import Omit
from rows import row

NO_KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
NO_ENCLAVES = Omit("there are no attested enclaves here, so it is refused")
DRY = False
PAGE = Omit("a first page has none; paging has its own check")


def keys(w):
    """Three keys with an alias each, made once."""
    if not hasattr(w, "keys"):
        kms = w.client("kms")
        w.keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)]
        for number, key in enumerate(w.keys):
            kms.create_alias(AliasName=f"alias/walk-{number}", TargetKeyId=key)
            kms.create_alias(AliasName=f"alias/walk-{number}-too", TargetKeyId=key)
        w.off = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.disable_key(KeyId=w.off)
    return w.keys


def key(w):
    return keys(w)[0]


def off(w):
    keys(w)
    return w.off


def blob(w, context=None):
    made = w.client("kms").encrypt(KeyId=key(w), Plaintext=b"text", EncryptionContext=context or {})
    return made["CiphertextBlob"]


CONTEXT = {"aws:ssm:SessionId": "jane-1", "aws:ssm:TargetId": "mi-00000000000000000"}

row(
    "kms.GenerateDataKey",
    lambda w: {"KeyId": key(w), "NumberOfBytes": 64},
    lambda w: {
        "KeyId": key(w),
        "EncryptionContext": CONTEXT,
        "NumberOfBytes": 1024,
        "KeySpec": Omit("it cannot be used together with NumberOfBytes"),
        "Recipient": NO_ENCLAVES,
        "DryRun": DRY,
    },
    refusals=[
        ("no length", lambda w: {"KeyId": key(w)}, "ValidationException"),
        ("two lengths", lambda w: {"KeyId": key(w), "NumberOfBytes": 64, "KeySpec": "AES_256"}, "ValidationException"),
        ("an unknown spec", lambda w: {"KeyId": key(w), "KeySpec": "DES"}, "ValidationException"),
        ("an unknown key", lambda w: {"KeyId": NO_KEY, "NumberOfBytes": 64}, "NotFoundException"),
        ("an unknown alias", lambda w: {"KeyId": "alias/none", "NumberOfBytes": 64}, "NotFoundException"),
        ("no key's name", lambda w: {"KeyId": "none", "NumberOfBytes": 64}, "NotFoundException"),
        ("a key that is off", lambda w: {"KeyId": off(w), "NumberOfBytes": 64}, "DisabledException"),
        ("a context of numbers", lambda w: {"KeyId": key(w), "NumberOfBytes": 1, "EncryptionContext": {"a": 1}}, "SerializationException"),
    ],
    codes={"SerializationException": "the model lists no error of the protocol"},
)
row(
    "kms.Encrypt",
    lambda w: {"KeyId": key(w), "Plaintext": b"x"},
    lambda w: {
        "KeyId": key(w),
        "Plaintext": b"x" * 4096,
        "EncryptionContext": CONTEXT,
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DryRun": DRY,
    },
    refusals=[
        ("an unknown key", lambda w: {"KeyId": NO_KEY, "Plaintext": b"x"}, "NotFoundException"),
        ("a key that is off", lambda w: {"KeyId": off(w), "Plaintext": b"x"}, "DisabledException"),
        (
            "another kind of algorithm",
            lambda w: {"KeyId": key(w), "Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
            "InvalidKeyUsageException",
        ),
    ],
)
row(
    "kms.Decrypt",
    lambda w: {"CiphertextBlob": blob(w)},
    lambda w: {
        "CiphertextBlob": blob(w, CONTEXT),
        "EncryptionContext": CONTEXT,
        "KeyId": key(w),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "Recipient": NO_ENCLAVES,
        "DryRun": DRY,
        "DryRunModifiers": Omit("a dry run opens the ciphertext, so it is refused"),
    },
    refusals=[
        ("no ciphertext", lambda w: {}, "ValidationException"),
        ("what is no ciphertext", lambda w: {"CiphertextBlob": b"x" * 100}, "InvalidCiphertextException"),
        (
            "another context",
            lambda w: {"CiphertextBlob": blob(w, CONTEXT), "EncryptionContext": {"a": "b"}},
            "InvalidCiphertextException",
        ),
        ("another key", lambda w: {"CiphertextBlob": blob(w), "KeyId": keys(w)[1]}, "IncorrectKeyException"),
        ("an unknown key", lambda w: {"CiphertextBlob": blob(w), "KeyId": NO_KEY}, "NotFoundException"),
    ],
)
row(
    "kms.CreateKey",
    lambda w: {},
    lambda w: {
        "Policy": Omit("there are no policies of keys, so it is refused"),
        "Description": "d" * 8192,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
        "CustomKeyStoreId": Omit("keys are kept by the service, so it is refused"),
        "XksKeyId": Omit("keys are kept by the service, so it is refused"),
        "Tags": [{"TagKey": f"{n}-" + "k" * 120, "TagValue": "v" * 256} for n in range(50)],
        "MultiRegion": False,
    },
    refusals=[
        ("a key for signing", lambda w: {"KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException"),
        ("a pair of keys", lambda w: {"KeySpec": "RSA_2048"}, "UnsupportedOperationException"),
        ("a policy", lambda w: {"Policy": "{}"}, "UnsupportedOperationException"),
        ("replicas", lambda w: {"MultiRegion": True}, "UnsupportedOperationException"),
        (
            "one tag twice",
            lambda w: {"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]},
            "TagException",
        ),
    ],
)
row(
    "kms.DescribeKey",
    lambda w: {"KeyId": key(w)},
    refusals=[
        ("an unknown key", lambda w: {"KeyId": NO_KEY}, "NotFoundException"),
        ("a key elsewhere", lambda w: {"KeyId": f"arn:aws:kms:eu-west-9:000000000000:key/{NO_KEY}"}, "NotFoundException"),
    ],
)
row(
    "kms.ListKeys",
    lambda w: {},
    lambda w: {
        "Marker": PAGE,
        "ResourceOwners": Omit("no key of another account can be seen, so it is refused"),
    },
    pages=lambda w: keys(w) and {},
)
row(
    "kms.EnableKey",
    lambda w: {"KeyId": key(w)},
    refusals=[
        ("an unknown key", lambda w: {"KeyId": NO_KEY}, "NotFoundException"),
        ("an alias", lambda w: keys(w) and {"KeyId": "alias/walk-0"}, "ValidationException"),
    ],
)
row(
    "kms.DisableKey",
    lambda w: {"KeyId": off(w)},
    refusals=[("an unknown key", lambda w: {"KeyId": NO_KEY}, "NotFoundException")],
)
row(
    "kms.CreateAlias",
    lambda w: {"AliasName": f"alias/{w.name('walked')}", "TargetKeyId": key(w)},
    lambda w: {"AliasName": "alias/" + w.name("n").ljust(250, "n"), "TargetKeyId": key(w)},
    refusals=[
        ("one that is there", lambda w: {"AliasName": "alias/walk-1", "TargetKeyId": key(w)}, "AlreadyExistsException"),
        ("one for no key", lambda w: {"AliasName": "alias/new", "TargetKeyId": NO_KEY}, "NotFoundException"),
        ("one for an alias", lambda w: {"AliasName": "alias/new", "TargetKeyId": "alias/walk-0"}, "ValidationException"),
        ("another beginning", lambda w: {"AliasName": "new", "TargetKeyId": key(w)}, "InvalidAliasNameException"),
        ("one of the service's", lambda w: {"AliasName": "alias/aws/x", "TargetKeyId": key(w)}, "InvalidAliasNameException"),
    ],
)
row(
    "kms.ListAliases",
    lambda w: {},
    lambda w: {"KeyId": key(w), "Marker": PAGE},
    pages=lambda w: {"KeyId": key(w)},
    refusals=[("an unknown key", lambda w: {"KeyId": NO_KEY}, "NotFoundException")],
)
