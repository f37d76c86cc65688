/**
 * Names of mining pools. Format and roles: name-list.ts; whether contact is mining or reading is for CryptoMining to say,
 * by port and first label.
 *
 * Each line ends with its sources: `falco` falcosecurity/rules, `kubescape` R1008, `sigma-*` three SigmaHQ rules, `general`
 * own knowledge. Dynamic DNS (mooo.com, ddns.net, dyndns.org, webhop.net) that some of them hold is left out on purpose.
 */
export const MINING_NAMES = `
# At least two sources
2miners.com                  agent     any     kubescape sigma-linux sigma-win
antpool.com                  agent     any     falco kubescape
bohemianpool.com             agent     any     kubescape sigma-win
c3pool.com                   agent     any     kubescape sigma-linux sigma-win
c3pool.org                   agent     any     kubescape sigma-win
crypto-pool.fr               agent     any     falco kubescape sigma-win sigma-zeek
dwarfpool.com                agent     any     falco kubescape sigma-win sigma-zeek
ethermine.org                agent     any     falco kubescape
ethpool.org                  agent     any     falco kubescape
f2pool.com                   agent     any     sigma-linux sigma-win
fairhash.org                 agent     any     kubescape sigma-zeek
fastpool.xyz                 agent     any     kubescape sigma-win
gntl.co.uk                   agent     any     sigma-win sigma-zeek
hashcity.org                 agent     any     sigma-linux sigma-win
hashvault.pro                agent     any     falco kubescape sigma-linux sigma-win sigma-zeek
herominers.com               agent     any     kubescape sigma-win sigma-zeek
kryptex.network              agent     any     kubescape sigma-win
litecoinpool.org             agent     any     sigma-win sigma-zeek
miner.rocks                  agent     any     sigma-win sigma-zeek
minergate.com                agent     any     falco kubescape sigma-win sigma-zeek
minexmr.com                  agent     any     falco kubescape sigma-linux sigma-win sigma-zeek
monerocean.stream            agent     any     sigma-linux sigma-win
monerohash.com               agent     any     kubescape sigma-win sigma-zeek
moneroocean.stream           agent     any     kubescape sigma-linux sigma-win
moneropool.com               agent     any     falco kubescape sigma-win sigma-zeek
moriaxmr.com                 agent     any     sigma-win sigma-zeek
nanopool.org                 agent     any     falco kubescape sigma-linux sigma-win sigma-zeek
poolto.be                    agent     any     sigma-win sigma-zeek
prohash.net                  agent     any     sigma-win sigma-zeek
slushpool.com                agent     any     falco kubescape
supportxmr.com               agent     any     falco kubescape sigma-linux sigma-win sigma-zeek
unmineable.com               agent     any     falco kubescape sigma-win
xmr.pt                       agent     any     kubescape sigma-win sigma-zeek
xmrpool.eu                   agent     any     kubescape sigma-linux sigma-win sigma-zeek
xmrpool.net                  agent     any     falco kubescape sigma-win sigma-zeek
# One source, and specific enough
zergpool.com                 agent     any     kubescape
zeropool.io                  agent     any     kubescape
solopool.org                 agent     any     kubescape
skypool.org                  agent     any     kubescape
rplant.xyz                   agent     any     kubescape
prohashing.com               agent     any     kubescape
p2pool.io                    agent     any     kubescape
mining-dutch.nl              agent     any     kubescape
miningmadness.com            agent     any     kubescape
monerod.org                  agent     any     kubescape
monerop.com                  agent     any     kubescape
multi-pools.com              agent     any     kubescape
dxpool.com                   agent     any     kubescape
domajorpool.com              agent     any     kubescape
kryptex.com                  agent     any     kubescape
gntl.uk                      agent     any     kubescape
volt-mine.com                agent     any     kubescape
trustpool.cc                 agent     any     kubescape
c4pool.org                   agent     any     kubescape
pool-pay.com                 agent     any     kubescape
kriptokyng.com               agent     any     kubescape
botbox.dev                   agent     any     kubescape
miningpoolstats.stream       brand     any     kubescape: statistics about pools, no pool
miningocean.org              agent     any     sigma-win
luckpool.net                 agent     any     sigma-win
luckypool.io                 agent     any     sigma-win
miningpoolhub.com            agent     any     sigma-win
miningrigrentals.com         agent     any     sigma-win
suprnova.cc                  agent     any     sigma-win
zpool.ca                     agent     any     sigma-win
viaxmr.com                   agent     any     sigma-win
xmrfast.com                  agent     any     sigma-win
xmrpool.de                   agent     any     sigma-win
xmrpool.me                   agent     any     sigma-win
xmrpool.xyz                  agent     any     sigma-win
usxmrpool.com                agent     any     sigma-win
monerpool.org                agent     any     sigma-win
ppxxmr.com                   agent     any     sigma-win
monerorx.com                 agent     any     sigma-win
moneropool.nl                agent     any     sigma-win
xmrminer.cc                  agent     any     sigma-win
bmpool.org                   agent     any     sigma-win
aeon-pool.com                agent     any     sigma-win
nbminer.com                  agent     any     sigma-win
moneropools.com              agent     any     sigma-zeek
cryptonotepool.org           agent     any     sigma-zeek
cryptoknight.cc              agent     any     sigma-zeek
semipool.com                 agent     any     sigma-zeek
coinfoundry.org              agent     any     sigma-zeek
walpool.com                  agent     any     sigma-zeek
fairpool.xyz                 agent     any     sigma-zeek
multipooler.com              agent     any     sigma-zeek
# Own knowledge, not yet checked
nicehash.com                 agent     any     general
poolin.com                   agent     any     general
viabtc.com                   agent     any     general
braiins.com                  agent     any     general
flexpool.io                  agent     any     general
hiveon.net                   agent     any     general
woolypooly.com               agent     any     general
k1pool.com                   agent     any     general
# The donation and fee hosts of XMRig; the rest of the domain is its site
donate.v2.xmrig.com          agent     any     vendor: DonateStrategy.cpp
donate.ssl.xmrig.com         agent     any     vendor: DonateStrategy.cpp
donate.xmrig.com             agent     any     sigma-win
fee.xmrig.com                agent     any     sigma-win
randomx.xmrig.com            agent     any     sigma-win
xmrig.com                    brand     any     sigma-win
`;
