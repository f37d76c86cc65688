/**
 * Image references, and globs over them.
 *
 * A reference is first written out in full, as the container runtime does it, so that `nginx` and
 * `docker.io/library/nginx:latest` are one image to a glob. In a glob `*` and `?` stay within one part between slashes and
 * `**` does not, so that `registry.example.com/*` never takes `registry.example.com/x/y`, nor `*.example.com/x` a path on
 * somebody else's registry. A glob without tag or digest takes all of them; one with a tag takes no image that is named by
 * digest as well, since then the digest decides what runs and the tag is only a word.
 * Grammar and defaults: https://github.com/distribution/reference.
 */

export interface ImageReference {
  /** Registry and repository, in full: `docker.io/library/nginx`. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

/** @returns undefined for what no container runtime would accept. */
export function parseImage(reference: string): ImageReference | undefined {
  const parts = reference.length <= MAX_LENGTH ? REFERENCE.exec(reference)?.groups : undefined;
  const name = parts?.['name'];
  if (parts === undefined || name === undefined) {
    return undefined;
  }
  const repository = inFull(name);
  return REPOSITORY.test(repository) ? { repository, tag: parts['tag'], digest: parts['digest'] } : undefined;
}

/**
 * @example
 * matchesImage('registry.example.com/agents/*', parseImage('registry.example.com/agents/train:1.2')) // true
 */
export function matchesImage(glob: string, image: ImageReference): boolean {
  const { name, tag, digest } = splitGlob(glob);
  if (!matchesGlob(name, image.repository)) {
    return false;
  }
  if (digest !== undefined) {
    return image.digest !== undefined && matchesGlob(digest, image.digest) && (tag ?? image.tag) === image.tag;
  }
  return tag === undefined || (image.digest === undefined && matchesGlob(tag, image.tag ?? 'latest'));
}

function splitGlob(glob: string): { name: string; tag: string | undefined; digest: string | undefined } {
  const [named = '', digest] = glob.split('@', 2);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  return colon < 0
    ? { name: inFull(named), tag: undefined, digest }
    : { name: inFull(named.slice(0, colon)), tag: named.slice(colon + 1), digest };
}

/** With the registry and the folder that are meant when left out. */
function inFull(name: string): string {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const hasRegistry = /[.:*?A-Z]/.test(first) || first === 'localhost';
  if (!hasRegistry) {
    return name === '**' ? name : `docker.io/${slash < 0 ? 'library/' : ''}${name}`;
  }
  return first === 'index.docker.io' ? inFull(`docker.io${name.slice(slash)}`) : dockerLibrary(name);
}

function dockerLibrary(name: string): string {
  const rest = name.slice('docker.io/'.length);
  return name.startsWith('docker.io/') && !rest.includes('/') && rest !== '**' ? `docker.io/library/${rest}` : name;
}

/** Follows every way the glob could match at once: time grows with glob times text, never faster. */
function matchesGlob(pattern: string, text: string): boolean {
  const glob = pattern.match(/\*\*|[^]/g) ?? [];
  let states = skipStars(glob, new Set([0]));
  for (const character of text) {
    const next = new Set<number>();
    for (const state of states) {
      const token = glob[state];
      if (token === '**' || (token === '*' && character !== '/')) {
        next.add(state);
      } else if (token === character || (token === '?' && character !== '/')) {
        next.add(state + 1);
      }
    }
    states = skipStars(glob, next);
  }
  return states.has(glob.length);
}

/** A star may also stand for nothing. */
function skipStars(glob: readonly string[], states: Set<number>): Set<number> {
  for (const state of states) {
    if (glob[state] === '*' || glob[state] === '**') {
      states.add(state + 1);
    }
  }
  return states;
}

/** Repository 255, tag 128, digest 135, and the two marks between them. */
const MAX_LENGTH = 520;

const REFERENCE =
  /^(?<name>[^@]*?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?$/;

const REPOSITORY =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+$/;
