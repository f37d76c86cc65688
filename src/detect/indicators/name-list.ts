/**
 * Lists of names: what an entry says, how a list is read, and how a name is looked up in it.
 *
 * A name matches an entry when it is the entry or ends in it at a dot, and the longest entry wins; exact matching misses
 * half of what it should find. The role says what contact means: `agent`, this pod itself hosts a tunnel or mines;
 * `endpoint`, it visits somebody else's; `brand`, it reads the vendor's web site. No public list makes that difference, and
 * without it an agent that reads documentation is cut off.
 */

export type Role = 'agent' | 'endpoint' | 'brand';

export interface NameEntry {
  suffix: string;
  role: Role;
  /** Role of the bare domain and its www. */
  siteRole: Role;
  ports: PortTest;
  source: string;
}

/** Which ports an entry is about: all, those that are not the web's, or a few. */
export type PortTest = 'any' | 'nonweb' | ReadonlySet<number>;

export interface NameList {
  /**
   * The entry for a name, or undefined.
   *
   * @param name - lower case, no trailing dot.
   * @param port - undefined when only the name was asked for; then entries about certain ports do not count.
   */
  lookup(name: string, port: number | undefined): NameEntry | undefined;
  readonly size: number;
}

/**
 * Reads a list: one entry a line, `suffix role ports source…`, and `#` for comments. The first label may end in `*`. An
 * `endpoint` is what stands below the domain, which is the vendor's site itself; `endpoint*` is both.
 *
 * @throws Error naming the line that is wrong: lists are part of the program.
 */
export function parseNameList(text: string): NameList {
  const entries = new Map<string, NameEntry[]>();
  const prefixed = new Map<string, NameEntry[]>();
  let size = 0;
  for (const line of text.split('\n')) {
    const entry = parseLine(line);
    if (entry !== undefined) {
      const isPrefix = entry.suffix.split('.')[0]?.endsWith('*') === true;
      add(isPrefix ? prefixed : entries, isPrefix ? parentOf(entry.suffix) : entry.suffix, entry);
      size += 1;
    }
  }
  return {
    size,
    lookup(name, port) {
      for (let suffix = name; suffix !== ''; suffix = parentOf(suffix)) {
        const found = choose(entries.get(suffix), port) ?? choosePrefixed(prefixed.get(parentOf(suffix)), suffix, port);
        if (found !== undefined) {
          return asSite(found, name);
        }
      }
      return undefined;
    },
  };
}

/** The worst entry that any of several names for one destination has. */
export function worstEntry(list: NameList, names: readonly string[], port: number | undefined): NameEntry | undefined {
  let worst: NameEntry | undefined;
  for (const name of names) {
    const entry = list.lookup(name, port);
    if (entry !== undefined && (worst === undefined || RANK[entry.role] > RANK[worst.role])) {
      worst = entry;
    }
  }
  return worst;
}

/** Where everything but the leftmost label stands; empty for a single label. */
export function parentOf(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}

/** Ports of the web, where a vendor's site and its service cannot be told apart by port. */
export function isWebPort(port: number): boolean {
  return port === 80 || port === 443;
}

function parseLine(line: string): NameEntry | undefined {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) {
    return undefined;
  }
  const [suffix = '', roleText = '', ports = '', ...source] = text.split(/\s+/);
  const role = roleText.replace('*', '');
  if (!isRole(role) || ports === '' || source.length === 0) {
    throw new Error(`indicator line is not "suffix role ports source": ${text}`);
  }
  const siteRole = roleText === 'endpoint' ? 'brand' : role;
  return { suffix, role, siteRole, ports: parsePorts(ports), source: source.join(' ') };
}

function parsePorts(text: string): PortTest {
  return text === 'any' || text === 'nonweb' ? text : new Set(text.split(',').map(Number));
}

function choose(candidates: readonly NameEntry[] | undefined, port: number | undefined): NameEntry | undefined {
  return candidates?.find((entry) => matchesPort(entry.ports, port));
}

function choosePrefixed(
  candidates: readonly NameEntry[] | undefined,
  suffix: string,
  port: number | undefined,
): NameEntry | undefined {
  return candidates?.find(
    (entry) => matchesPort(entry.ports, port) && suffix.startsWith(entry.suffix.slice(0, entry.suffix.indexOf('*'))),
  );
}

function matchesPort(test: PortTest, port: number | undefined): boolean {
  if (test === 'any') {
    return true;
  }
  if (port === undefined) {
    return false;
  }
  return test === 'nonweb' ? !isWebPort(port) : test.has(port);
}

function asSite(entry: NameEntry, name: string): NameEntry {
  const isSite = name === entry.suffix || name === `www.${entry.suffix}`;
  return isSite && entry.siteRole !== entry.role ? { ...entry, role: entry.siteRole } : entry;
}

function add(map: Map<string, NameEntry[]>, key: string, entry: NameEntry): void {
  const list = map.get(key);
  if (list === undefined) {
    map.set(key, [entry]);
  } else {
    list.push(entry);
  }
}

function isRole(text: string): text is Role {
  return text === 'agent' || text === 'endpoint' || text === 'brand';
}

const RANK: Record<Role, number> = { brand: 0, endpoint: 1, agent: 2 };
