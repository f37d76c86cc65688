import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesImage, parseImage } from './image.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

describe('parseImage', () => {
  it.each<[string, string, string | undefined, string | undefined]>([
    ['nginx', 'docker.io/library/nginx', undefined, undefined],
    ['nginx:1.27', 'docker.io/library/nginx', '1.27', undefined],
    ['team/nginx', 'docker.io/team/nginx', undefined, undefined],
    ['docker.io/nginx', 'docker.io/library/nginx', undefined, undefined],
    ['index.docker.io/nginx', 'docker.io/library/nginx', undefined, undefined],
    ['localhost/x', 'localhost/x', undefined, undefined],
    ['localhost:5000/x:y', 'localhost:5000/x', 'y', undefined],
    ['[2001:db8::1]:5000/x', '[2001:db8::1]:5000/x', undefined, undefined],
    ['Registry/x', 'Registry/x', undefined, undefined],
    [`registry.example.com/a/b:1@${A}`, 'registry.example.com/a/b', '1', A],
    [`registry.example.com/a/b@${A}`, 'registry.example.com/a/b', undefined, A],
  ])('reads %s as a container runtime does', (text, repository, tag, digest) => {
    expect(parseImage(text)).toEqual({ repository, tag, digest });
  });

  it.each([
    '',
    ' nginx',
    'nginx ',
    'Nginx',
    'registry.example.com/agents/../x',
    'registry.example.com//x',
    'registry.example.com/x@sha256:abc',
    'registry.example.com/x:',
    'https://registry.example.com/x',
    'registry.example.com/x\nregistry.example.com/y',
    `registry.example.com/${'x'.repeat(600)}`,
  ])('refuses %j, which no container runtime would pull', (text) => {
    expect(parseImage(text)).toBeUndefined();
  });
});

describe('matchesImage', () => {
  it.each<[glob: string, image: string]>([
    ['registry.example.com/agents/*', 'registry.example.com/agents/trainer:1.2'],
    ['registry.example.com/agents/*', `registry.example.com/agents/trainer@${A}`],
    ['registry.example.com/agents/trainer', 'registry.example.com/agents/trainer:1.2'],
    ['registry.example.com/agents/trainer:1.*', 'registry.example.com/agents/trainer:1.2'],
    ['registry.example.com/agents/trainer:latest', 'registry.example.com/agents/trainer'],
    [`registry.example.com/agents/trainer@${A}`, `registry.example.com/agents/trainer:1.2@${A}`],
    [`registry.example.com/agents/trainer:1.2@${A}`, `registry.example.com/agents/trainer:1.2@${A}`],
    ['registry.example.com/agents/trainer@*', `registry.example.com/agents/trainer@${A}`],
    ['registry.example.com/**', 'registry.example.com/agents/gpu/trainer:1.2'],
    ['registry.example.com/agents/v?', 'registry.example.com/agents/v1'],
    ['*.example.com/agents/*', 'eu.example.com/agents/trainer'],
    ['nginx', 'docker.io/library/nginx:1.27'],
    ['docker.io/library/*', 'nginx'],
    ['team/*', 'index.docker.io/team/x'],
    ['**', 'anything.example.net:5000/x/y/z:1'],
  ])('%s takes %s', (glob, image) => {
    expect(matchesImage(glob, parseImage(image)!)).toBe(true);
  });

  it.each<[glob: string, image: string]>([
    ['registry.example.com/agents/*', 'registry.example.com/agents/gpu/trainer'],
    ['registry.example.com/agents/*', 'registry.example.com.evil.net/agents/trainer'],
    ['registry.example.com/agents/*', 'registry.example.com:5000/agents/trainer'],
    ['registry.example.com/agents/*', 'evil.net/registry.example.com/agents/trainer'],
    ['*.example.com/agents/*', 'evil.net/x.example.com/agents/trainer'],
    ['registry.example.com/agents/trainer', 'registry.example.com/agents/trainer2'],
    ['registry.example.com/agents/trainer:1.*', 'registry.example.com/agents/trainer:2.0'],
    ['registry.example.com/agents/trainer:1.*', `registry.example.com/agents/trainer:1.2@${B}`],
    [`registry.example.com/agents/trainer@${A}`, `registry.example.com/agents/trainer@${B}`],
    [`registry.example.com/agents/trainer@${A}`, 'registry.example.com/agents/trainer:1.2'],
    [`registry.example.com/agents/trainer:1.2@${A}`, `registry.example.com/agents/trainer:1.3@${A}`],
    ['nginx', 'evil.net/library/nginx'],
    ['*', 'evil.net/nginx'],
    ['', 'nginx'],
  ])('%s does not take %s', (glob, image) => {
    expect(matchesImage(glob, parseImage(image)!)).toBe(false);
  });

  it('lets no glob take more than the same glob with ** for each star', () => {
    const piece = fc.constantFrom('a', 'b', '/', '.', '*', '?', '**', ':', '@');
    const glob = fc.array(piece, { maxLength: 12 }).map((pieces) => `r.io/${pieces.join('')}`);
    const image = fc
      .array(fc.constantFrom('a', 'b', 'a/b', 'a.b'), { minLength: 1, maxLength: 6 })
      .map((parts) => `r.io/${parts.join('/')}`);
    fc.assert(
      fc.property(glob, image, (some, text) => {
        const reference = parseImage(text)!;
        const wider = some.replaceAll(/\*+/g, '**');
        expect(!matchesImage(some, reference) || matchesImage(wider, reference)).toBe(true);
      }),
    );
  });

  it('takes no longer for stars that could match in many ways', () => {
    // A backtracking matcher would need about 2^60 steps here and the test would never end.
    const glob = `r.io/${'*a'.repeat(60)}b`;
    expect(matchesImage(glob, parseImage(`r.io/${'a'.repeat(240)}`)!)).toBe(false);
  });
});
