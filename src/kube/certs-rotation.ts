/**
 * Keeps the webhook's certificate valid and trusted, for years and through every restart.
 *
 * The CA is shared by all replicas through a store (a Secret); each replica has a leaf of its own, in memory only. Nothing
 * is timed: every pass looks at what is there and mends it, so a missed pass, a paused process or a lost Secret heals by
 * the next. A leaf is signed by a CA only once the webhook configurations carry that CA, so that the API server never meets
 * a certificate it does not trust yet; the CA before stays in the bundle until it expires.
 */
import { isApiStatus } from '../api/errors.ts';
import {
  chainsTo,
  createAuthority,
  expiryOf,
  isDueForRenewal,
  issueLeaf,
  type KeyedCertificate,
  ownsKey,
  type ServerNames,
} from './certs.ts';

/** Where the CAs are kept, newest first. */
export interface AuthorityStore {
  /** Empty when there is no such object yet; then `version` is undefined. */
  read(): Promise<{ authorities: readonly KeyedCertificate[]; version: string | undefined }>;
  /**
   * Creates (`version` undefined) or replaces.
   *
   * @throws ApiError 409 when somebody else wrote since `version` was read.
   */
  write(authorities: readonly KeyedCertificate[], version: string | undefined): Promise<void>;
}

export interface WebhookCertificatesOptions {
  store: AuthorityStore;
  names: ServerNames;
  now(): Date;
  /** The caBundle (PEM) of each webhook configuration in the API server; empty when there is none yet. */
  publishedBundles(): Promise<readonly string[]>;
  /** Called with every new leaf, to be served from then on. */
  onLeaf(leaf: KeyedCertificate): void;
}

export class WebhookCertificates {
  readonly #options: WebhookCertificatesOptions;
  #authorities: readonly KeyedCertificate[] = [];
  #leaf: KeyedCertificate | undefined;

  constructor(options: WebhookCertificatesOptions) {
    this.#options = options;
  }

  /** What the webhook configurations must carry as caBundle (PEM). Empty before the first refresh. */
  get bundle(): string {
    return this.#authorities.map(({ certificatePem }) => certificatePem.trim()).join('\n');
  }

  /** When the served leaf ends; undefined while none is served. For the expiry gauge. */
  get leafExpiry(): Date | undefined {
    return this.#leaf === undefined ? undefined : expiryOf(this.#leaf.certificatePem);
  }

  /** Whether an API server that was given this bundle (PEM) accepts what is served now. Readiness asks this. */
  servedLeafChainsTo(bundle: string): boolean {
    return this.#leaf !== undefined && chainsTo(this.#leaf.certificatePem, bundle, this.#options.now());
  }

  /**
   * Brings CA and leaf up to date. Call at start, then every minute, and after each write of the webhook configurations.
   *
   * @throws what the store or the API server throws; what is served stays as it is.
   */
  async refresh(): Promise<void> {
    this.#authorities = await this.#ensureAuthority();
    const signer = await this.#signer();
    if (signer === undefined || (this.#leaf !== undefined && this.#isGood(this.#leaf, signer))) {
      return;
    }
    this.#leaf = await issueLeaf(signer, this.#options.names, this.#options.now());
    this.#options.onLeaf(this.#leaf);
  }

  async #ensureAuthority(): Promise<readonly KeyedCertificate[]> {
    const { store, now } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const { authorities, version } = await store.read();
      const valid = authorities.filter((authority) => isUsable(authority, now()));
      const [newest] = valid;
      if (newest !== undefined && !isDueForRenewal(newest.certificatePem, now())) {
        return valid;
      }
      try {
        const renewed = [await createAuthority(now()), ...valid];
        await store.write(renewed, version);
        return renewed;
      } catch (error) {
        // Another replica was first: its CA will do.
        if (!isApiStatus(error, CONFLICT) || attempt === MAX_ATTEMPTS) {
          throw error;
        }
      }
    }
  }

  /** The newest CA that every configuration carries. While none carries any of them, waiting would help nobody. */
  async #signer(): Promise<KeyedCertificate | undefined> {
    const bundles = (await this.#options.publishedBundles()).map(withoutSpace);
    const isPublished = ({ certificatePem }: KeyedCertificate) =>
      bundles.every((bundle) => bundle.includes(withoutSpace(certificatePem)));
    return this.#authorities.find(isPublished) ?? this.#authorities[0];
  }

  #isGood(leaf: KeyedCertificate, signer: KeyedCertificate): boolean {
    const now = this.#options.now();
    return chainsTo(leaf.certificatePem, signer.certificatePem, now) && !isDueForRenewal(leaf.certificatePem, now);
  }
}

/** For the Secret: `ca.crt` for people and programs that only trust, the rest for Bulkhead. */
export function toSecretData(authorities: readonly KeyedCertificate[]): Record<string, string> {
  return {
    'ca.crt': authorities.map(({ certificatePem }) => `${certificatePem.trim()}\n`).join(''),
    [AUTHORITIES_KEY]: JSON.stringify(authorities),
  };
}

/** What `toSecretData` wrote; whatever cannot be read counts as not there, and is replaced at the next refresh. */
export function fromSecretData(data: Readonly<Record<string, string>>): KeyedCertificate[] {
  let stored: unknown;
  try {
    stored = JSON.parse(data[AUTHORITIES_KEY] ?? '[]');
  } catch (error) {
    if (error instanceof SyntaxError) {
      return [];
    }
    throw error;
  }
  return Array.isArray(stored) ? stored.filter(isKeyedCertificate) : [];
}

function isKeyedCertificate(value: unknown): value is KeyedCertificate {
  const { certificatePem, keyPem } = Object(value) as Record<string, unknown>;
  return typeof certificatePem === 'string' && typeof keyPem === 'string';
}

function isUsable(authority: KeyedCertificate, now: Date): boolean {
  return chainsTo(authority.certificatePem, authority.certificatePem, now) && ownsKey(authority);
}

function withoutSpace(pem: string): string {
  return pem.replaceAll(/\s/g, '');
}

const AUTHORITIES_KEY = 'authorities.json';
const CONFLICT = 409;
const MAX_ATTEMPTS = 5;
