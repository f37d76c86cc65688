/**
 * Fills a folder with programs of this machine and what they need to run, so that it can be the root of a container:
 * real Debian files, without a registry. Links stay links, as the machine has them.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { RigError } from '../../rig-error.ts';
import { runProgram } from '../../run-program.ts';

/** Debian keeps these beside /usr only as links. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
const BUSYBOX = '/usr/bin/busybox';
/** glibc loads them by name at run time, so no program lists them. */
const NAME_SERVICES = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

/** Makes the folders that every root has. */
export function makeRoot(root: string): void {
  for (const folder of ['usr', 'etc', 'proc', 'sys', 'dev', 'run', 'var/empty', 'root']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const name of MERGED) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\nnobody:x:65534:65534::/:/bin/false\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
}

/** Copies files and folders, and the libraries that the programs among them need. */
export async function copyIn(root: string, paths: readonly string[]): Promise<void> {
  await copyLibraries(
    root,
    paths.flatMap((path) => copyPath(root, path)),
  );
}

/** Copies the libraries that programs need, without the programs. */
export async function copyLibraries(root: string, programs: readonly string[]): Promise<void> {
  const libraries = await librariesOf(programs);
  const services = [...new Set(libraries.map(dirname))].flatMap((folder) =>
    NAME_SERVICES.map((name) => join(folder, name)).filter((path) => existsSync(path)),
  );
  for (const library of [...libraries, ...services]) {
    copyPath(root, library);
  }
}

/** Puts busybox in, with a link for each of its commands that has no program of its own there. */
export async function addBusybox(root: string): Promise<void> {
  copyPath(root, BUSYBOX);
  const answer = await runProgram(BUSYBOX, ['--list-full']);
  for (const path of (answer?.stdout ?? '').split('\n').filter(Boolean)) {
    const link = join(root, path);
    mkdirSync(dirname(link), { recursive: true });
    if (!isThere(link)) {
      symlinkSync(BUSYBOX, link);
    }
  }
}

/** Copies one path with everything below; returns the files that may be programs. */
function copyPath(root: string, path: string): string[] {
  const target = join(root, path);
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    mkdirSync(target, { recursive: true });
    return readdirSync(path).flatMap((name) => copyPath(root, join(path, name)));
  }
  if (isThere(target)) {
    return [];
  }
  mkdirSync(dirname(target), { recursive: true });
  if (stat.isSymbolicLink()) {
    const link = readlinkSync(path);
    symlinkSync(link, target);
    return copyPath(root, resolve(dirname(path), link));
  }
  copyFileSync(path, target);
  chmodSync(target, stat.mode & 0o777);
  return (stat.mode & 0o111) !== 0 || path.includes('.so') ? [path] : [];
}

/** Absolute paths of the libraries that `files` are linked to; scripts have none. */
async function librariesOf(files: readonly string[]): Promise<string[]> {
  if (files.length === 0) {
    return [];
  }
  // ldd answers 1 when one of the files is no dynamic program, and goes on with the rest.
  const answer = await runProgram('ldd', files);
  if (answer === undefined) {
    throw new RigError('ldd is not on PATH; it comes with the package libc-bin.');
  }
  const found = [...answer.stdout.matchAll(/(?:=> |^\s+)(\/[^\s]+) \(0x/gm)].map(([, path = '']) => path);
  return [...new Set(found)].sort();
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
