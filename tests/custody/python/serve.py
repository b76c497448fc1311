"""moto's key service on any free port, with one thing added that it lacks: a message of type DIGEST is signed as it is, and
not hashed once more. Source: AWS KMS API reference, Sign, `MessageType`."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms import utils
from moto.server import main


def sign(self, message, signing_algorithm):
    utils.validate_signing_algorithm(signing_algorithm, self.valid_signing_algorithms)
    return self.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))


utils.ECDSAPrivateKey.sign = sign
main(["-H", "127.0.0.1", "-p", "0"])
