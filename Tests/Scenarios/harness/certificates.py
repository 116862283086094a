# SPDX-License-Identifier: Apache-2.0
"""Certificates of an authority of the scenario's own, made by the openssl command."""
import os
import subprocess
import time


def openssl(*arguments, text="", within=15):
    """(exit status, output and errors) of the openssl command."""
    done = subprocess.run(["openssl", *arguments], input=text.encode(), capture_output=True,
                          timeout=within)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


class Authority:
    def __init__(self, scene, name="ca"):
        self.folder = scene.path(name)
        os.makedirs(self.folder)
        self.certificate = os.path.join(self.folder, "ca.crt")
        self.key = os.path.join(self.folder, "ca.key")
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-keyout", self.key, "-out", self.certificate, "-days", "30",
                  "-subj", "/CN=Scenario Authority")

    def _run(self, *arguments):
        status, text = openssl(*arguments)
        if status != 0:
            raise RuntimeError(f"openssl {' '.join(arguments)}: {text}")

    def make(self, name, *hosts, kind="ecdsa", days=20):
        """Writes NAME.crt and NAME.key; an existing pair is replaced, the key first."""
        base = os.path.join(self.folder, name)
        form = [f"rsa:{kind[3:] or 2048}"] if kind.startswith("rsa") else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        names = ",".join(f"DNS:{host}" for host in hosts)
        self._run("req", "-new", "-newkey", *form, "-nodes", "-keyout", base + ".key.new",
                  "-out", base + ".csr", "-subj", f"/CN={name}",
                  "-addext", f"subjectAltName={names}")
        self._run("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key,
                  "-CAcreateserial", "-out", base + ".crt.new", "-days", str(days),
                  "-copy_extensions", "copy")
        os.replace(base + ".key.new", base + ".key")
        os.replace(base + ".crt.new", base + ".crt")
        return base + ".crt", base + ".key"

    def ending(self, name, host, seconds):
        """As `make`, for a certificate that ends so soon; the form of the times has no days."""
        crt, key = self.make(name, host)
        ends = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))
        index = os.path.join(self.folder, f"{name}.issued")
        for path, text in ((index, ""), (f"{index}.cnf", f"""
[ca]
default_ca = own
[own]
database = {index}
new_certs_dir = {self.folder}
default_md = sha256
policy = any
rand_serial = yes
copy_extensions = copy
[any]
commonName = supplied
""")):
            with open(path, "w") as file:
                file.write(text)
        self._run("ca", "-batch", "-notext", "-config", f"{index}.cnf", "-cert", self.certificate,
                  "-keyfile", self.key, "-in", crt[:-4] + ".csr", "-out", crt,
                  "-startdate", "20200101000000Z", "-enddate", ends)
        return crt, key

    def response(self, files, path, status="V", days=2, minutes=None):
        """Writes the authority's OCSP response about a certificate, in one step."""
        index, request = path + ".index", path + ".req"
        serial = openssl("x509", "-in", files[0], "-noout", "-serial")[1].strip().split("=")[1]
        revoked = "250101000000Z" if status == "R" else ""
        with open(index, "w") as file:
            file.write(f"{status}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/CN=x\n")
        self._run("ocsp", "-issuer", self.certificate, "-cert", files[0], "-reqout", request,
                  "-no_nonce")
        span = ["-nmin", str(minutes)] if minutes is not None else ["-ndays", str(days)]
        self._run("ocsp", "-index", index, "-CA", self.certificate, "-rsigner", self.certificate,
                  "-rkey", self.key, "-reqin", request, "-respout", path + ".new", *span)
        os.replace(path + ".new", path)
        return path


def pair(files, ocsp=None):
    """One entry of `certificates` in YAML."""
    more = f", ocsp: {ocsp}" if ocsp else ""
    return f"{{ certificate: {files[0]}, key: {files[1]}{more} }}"
