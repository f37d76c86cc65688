/**
 * Names that programs ask for by themselves: being refused them says little about an agent. Format: name-list.ts.
 *
 * From vendor documentation of the package managers and services named beside each group; `misp` are the MISP warning lists
 * (CC0). For weighing denials only: nothing here is thereby allowed.
 */
export const BACKGROUND_NAMES = `
# Package registries and mirrors
pypi.org                     brand     any     vendor: pip
pythonhosted.org             brand     any     vendor: pip
npmjs.org                    brand     any     vendor: npm
npmjs.com                    brand     any     vendor: npm
yarnpkg.com                  brand     any     vendor: yarn
jsr.io                       brand     any     vendor: jsr
crates.io                    brand     any     vendor: cargo
static.rust-lang.org         brand     any     vendor: rustup
proxy.golang.org             brand     any     vendor: go
sum.golang.org               brand     any     vendor: go
rubygems.org                 brand     any     vendor: gem
repo.maven.apache.org        brand     any     vendor: maven
repo1.maven.org              brand     any     vendor: maven
packagist.org                brand     any     vendor: composer
nuget.org                    brand     any     vendor: nuget
anaconda.org                 brand     any     vendor: conda
anaconda.com                 brand     any     vendor: conda
hex.pm                       brand     any     vendor: mix
cran.r-project.org           brand     any     vendor: R
debian.org                   brand     any     vendor: apt
ubuntu.com                   brand     any     vendor: apt
alpinelinux.org              brand     any     vendor: apk
fedoraproject.org            brand     any     vendor: dnf
rockylinux.org               brand     any     vendor: dnf
centos.org                   brand     any     vendor: dnf
archlinux.org                brand     any     vendor: pacman
raw.githubusercontent.com    brand     any     vendor: many install scripts
objects.githubusercontent.com brand     any     vendor: release downloads
# Telemetry
sentry.io                    brand     any     vendor
segment.io                   brand     any     vendor
segment.com                  brand     any     vendor
posthog.com                  brand     any     vendor
statsig.com                  brand     any     vendor
statsigapi.net               brand     any     vendor
featuregates.org             brand     any     vendor: statsig
amplitude.com                brand     any     vendor
mixpanel.com                 brand     any     vendor
launchdarkly.com             brand     any     vendor
datadoghq.com                brand     any     vendor
honeycomb.io                 brand     any     vendor
newrelic.com                 brand     any     vendor
nr-data.net                  brand     any     vendor: newrelic
telemetry.vercel.com         brand     any     vendor: next
# Time, certificates, captive portals, what-is-my-address
ntp.org                      brand     any     vendor: ntp pool
time.cloudflare.com          brand     any     vendor
time.google.com              brand     any     vendor
lencr.org                    brand     any     misp crl-hostname
digicert.com                 brand     any     misp crl-hostname
pki.goog                     brand     any     misp crl-hostname
globalsign.com               brand     any     misp crl-hostname
sectigo.com                  brand     any     misp crl-hostname
amazontrust.com              brand     any     misp crl-hostname
entrust.net                  brand     any     misp crl-hostname
connectivitycheck.gstatic.com brand     any     vendor: chromium
detectportal.firefox.com     brand     any     vendor: firefox
msftconnecttest.com          brand     any     misp microsoft
icanhazip.com                brand     any     misp whats-my-ip
ifconfig.me                  brand     any     misp whats-my-ip
ipinfo.io                    brand     any     misp whats-my-ip
ipify.org                    brand     any     misp whats-my-ip
checkip.amazonaws.com        brand     any     misp whats-my-ip
`;

/** Hosts that speak git over ssh. A short session there is what agents do all day. */
export const GIT_NAMES = `
github.com                   brand     any     vendor: also ssh.github.com:443
gitlab.com                   brand     any     vendor: also altssh.gitlab.com:443
bitbucket.org                brand     any     vendor: also altssh.bitbucket.org:443
dev.azure.com                brand     any     vendor: ssh.dev.azure.com
azure.com                    brand     any     vendor
vs-ssh.visualstudio.com      brand     any     vendor
codeberg.org                 brand     any     general
git.sr.ht                    brand     any     general
gitea.com                    brand     any     general
hf.co                        brand     any     vendor: huggingface
huggingface.co               brand     any     vendor: huggingface
salsa.debian.org             brand     any     general
`;
