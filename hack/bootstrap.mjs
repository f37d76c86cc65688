/**
 * Installs the dependencies when they are missing or older than package-lock.json; otherwise does nothing, quickly.
 *
 * Every npm script runs it first, so that `npm test` works in a fresh clone. It runs on the machine's own Node (20 or
 * newer); the script after it runs on the Node 24 that came with the dependencies. It writes to stderr only, because
 * `npm run --silent bulkhead` owns stdout. Whether an install is complete is read from npm's own record in
 * node_modules, which npm writes last: an interrupted install leaves none.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_STARTER = 20;
const NODE_MAJOR = 24;
const HEARTBEAT_MS = 15_000;
const NODE_SITE = 'https://nodejs.org';

/** An obstacle that one sentence explains. */
class Obstacle extends Error {}

/** Installs into `root` what its package-lock.json names, unless it is there already. */
export async function bootstrap(root) {
  if (majorOf(process.versions.node) < OLDEST_STARTER) {
    throw new Obstacle(
      `needs Node ${OLDEST_STARTER} or newer; this is ${process.versions.node}. Get it from ${NODE_SITE}.`,
    );
  }
  if (isFresh(root)) {
    return;
  }
  const { withFileLock } = await import('./file-lock.mjs');
  await withFileLock(join(root, '.rig', 'install.lock'), () => (isFresh(root) ? undefined : install(root)), {
    onWait: (pid) => say(`another run (pid ${pid}) is installing the dependencies; waiting for it`),
  });
  if (!hasNode(root) && majorOf(process.versions.node) < NODE_MAJOR) {
    throw new Obstacle(
      `has no Node ${NODE_MAJOR} package for ${process.platform}-${process.arch}; install Node ${NODE_MAJOR} or newer from ${NODE_SITE} and run this again.`,
    );
  }
}

/** True when everything that package-lock.json requires on this platform is installed in the locked version. */
export function isFresh(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) {
    return false;
  }
  return Object.entries(wanted).every(([path, want]) => {
    const have = installed[path];
    if (path === '' || (have === undefined && want.optional === true)) {
      return true;
    }
    return have !== undefined && have.version === want.version && have.integrity === want.integrity;
  });
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Runs `npm install` rather than `npm ci`: both follow the lock file, but `ci` refuses a lock file that lacks another
 * platform's optional packages, and empties node_modules under the feet of a run that is using it.
 */
async function install(root) {
  const started = Date.now();
  say('installing the dependencies (about a minute the first time)');
  const heartbeat = setInterval(() => say(`still installing, ${secondsSince(started)} s`), HEARTBEAT_MS);
  try {
    const flags = ['--no-save', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
    const code = await runNpm(root, ['install', ...flags, '--loglevel=error']);
    if (code !== 0) {
      throw new Obstacle(
        `could not install its dependencies: npm install ended with ${code}; what npm said stands above.`,
      );
    }
  } finally {
    clearInterval(heartbeat);
  }
  say(`dependencies installed in ${secondsSince(started)} s`);
}

function runNpm(root, args) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, {
      cwd: root,
      env: environment(),
      stdio: ['ignore', process.stderr, process.stderr],
    });
    child.on('error', (error) => {
      reject(
        error.code === 'ENOENT' ? new Obstacle(`needs npm on PATH; it comes with Node from ${NODE_SITE}.`) : error,
      );
    });
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
}

/** npm must not run on the Node inside the node_modules that it is about to replace. */
function environment() {
  const inside = join('node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.endsWith(`${sep}${inside}`));
  return { ...process.env, PATH: path.join(delimiter) };
}

function hasNode(root) {
  try {
    accessSync(join(root, 'node_modules', '.bin', 'node'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function majorOf(version) {
  return Number.parseInt(version, 10);
}

function secondsSince(started) {
  return Math.round((Date.now() - started) / 1000);
}

function say(text) {
  process.stderr.write(`bulkhead: ${text}\n`);
}

if (import.meta.url === pathToFileURL(realpathSync(process.argv[1] ?? '')).href) {
  try {
    await bootstrap(dirname(dirname(fileURLToPath(import.meta.url))));
  } catch (error) {
    say(error instanceof Obstacle ? error.message : error.stack);
    process.exitCode = 1;
  }
}
