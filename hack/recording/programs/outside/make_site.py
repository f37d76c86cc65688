"""Makes what the outside web serves: a package index with wheels that pip accepts, of the sizes real ones have.

Usage: make_site.py DOCROOT
"""
import hashlib
import os
import sys
import zipfile

WHEEL_KIB = {"alpha": 90, "beta": 420, "gamma": 1800, "delta": 60, "epsilon": 3200}


def make_wheel(path, name, size):
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/weights.bin", os.urandom(size))
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: make_site\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def main():
    docroot = sys.argv[1]
    for name, kib in WHEEL_KIB.items():
        index, packages = f"{docroot}/pypi.org/simple/{name}", f"{docroot}/files.pythonhosted.org/packages"
        os.makedirs(index, exist_ok=True)
        os.makedirs(packages, exist_ok=True)
        file = f"{name}-1.0-py3-none-any.whl"
        make_wheel(f"{packages}/{file}", name, kib * 1024)
        with open(f"{packages}/{file}", "rb") as wheel:
            digest = hashlib.sha256(wheel.read()).hexdigest()
        with open(f"{index}/index.html", "w") as page:
            page.write(f'<a href="https://files.pythonhosted.org/packages/{file}#sha256={digest}">{file}</a>\n')


main()
