/**
 * Names of tunnel, relay and exfiltration services. Format and roles: name-list.ts.
 *
 * Each line ends with where it comes from: `vendor` documentation of the service; `sigma` SigmaHQ rules; `lottunnels` the
 * LOTTunnels project; `lots` the MISP LOTS project; `awesome` the awesome-tunneling list; `general` own knowledge, not yet
 * checked. Host names are facts; no list is copied as a whole. Platforms that anybody shares (workers.dev, pages.dev,
 * vercel.app, amazonaws.com) are left out on purpose.
 * `endpoint*` means the domain itself too, `endpoint` only what is below it: the domain itself is the vendor's site.
 * Order matters where one suffix has two lines: the first whose ports fit is taken.
 */
export const TUNNEL_NAMES = `
# ngrok
ngrok-agent.com                     agent     any     vendor: connect.ngrok-agent.com:443 is the agent's default URL
tunnel.us.ngrok.com                 agent     any     sigma lottunnels
tunnel.eu.ngrok.com                 agent     any     sigma lottunnels
tunnel.ap.ngrok.com                 agent     any     sigma lottunnels
tunnel.au.ngrok.com                 agent     any     sigma lottunnels
tunnel.sa.ngrok.com                 agent     any     sigma lottunnels
tunnel.jp.ngrok.com                 agent     any     sigma lottunnels
tunnel.in.ngrok.com                 agent     any     sigma lottunnels
tunnel.ngrok.com                    agent     any     general: address of older agents
ngrok.com                           brand     any     vendor
ngrok.io                            endpoint  any     sigma lottunnels lots
ngrok.app                           endpoint  any     vendor lottunnels
ngrok.dev                           endpoint  any     vendor lottunnels
ngrok.pro                           endpoint  any     lottunnels
ngrok.pizza                         endpoint  any     lottunnels
ngrok-free.app                      endpoint  any     vendor sigma
ngrok-free.dev                      endpoint  any     vendor lottunnels
ngrok-cname.com                     endpoint  any     vendor
# Cloudflare
argotunnel.com                      agent     any     vendor: region1/2.v2.argotunnel.com:7844, protocol-v2., update.
cftunnel.com                        agent     any     vendor: h2. and quic.
cfargotunnel.com                    endpoint  any     vendor sigma
api.trycloudflare.com               agent     any     general: cloudflared asks it for a quick tunnel
trycloudflare.com                   endpoint  any     vendor sigma lots
# Microsoft dev tunnels
rel.tunnels.api.visualstudio.com    agent     any     vendor: global.rel., [cluster].rel., *-data.rel.
tunnels.api.visualstudio.com        endpoint* any     vendor sigma
devtunnels.ms                       endpoint  any     vendor sigma lottunnels
# Reverse tunnels over ssh or an own protocol; on the web's ports it is their site or somebody's tunnel
loca.lt                             agent     nonweb  lottunnels
loca.lt                             endpoint  any     sigma lottunnels
localtunnel.me                      agent     nonweb  lottunnels
localtunnel.me                      endpoint  any     sigma lottunnels
serveo.net                          agent     nonweb  vendor: ssh to serveo.net:22
serveo.net                          endpoint  any     sigma lottunnels
localhost.run                       agent     nonweb  vendor: ssh to localhost.run:22
localhost.run                       endpoint  any     sigma lottunnels
lhr.life                            endpoint  any     general: tunnels of localhost.run
a.pinggy.io                         agent     any     vendor: ssh to a.pinggy.io:443
free.pinggy.io                      agent     any     general: newer address of a.pinggy.io
pro.pinggy.io                       agent     any     general: the paid one
pinggy.io                           agent     nonweb  lottunnels awesome
pinggy.io                           endpoint  any     lottunnels awesome
pinggy.link                         endpoint  any     lottunnels awesome
bore.pub                            agent     nonweb  vendor: control port 7835
bore.pub                            endpoint  any     lottunnels awesome
bore.digital                        agent     nonweb  lottunnels
bore.digital                        endpoint  any     lottunnels
localto.net                         agent     nonweb  lottunnels
localto.net                         endpoint  any     lottunnels
localtonet.com                      agent     nonweb  lottunnels
localtonet.com                      endpoint  any     lottunnels
loclx.io                            agent     nonweb  general: tunnels of LocalXpose
loclx.io                            endpoint  any     general: tunnels of LocalXpose
localxpose.io                       agent     nonweb  lottunnels
localxpose.io                       endpoint  any     lottunnels
portmap.io                          agent     nonweb  sigma
portmap.io                          endpoint  any     sigma
btunnel.co.in                       endpoint  any     lottunnels
btunnel.in                          endpoint  any     lottunnels
playit.gg                           agent     nonweb  lottunnels
playit.gg                           endpoint  any     lottunnels
ply.gg                              endpoint  any     general: tunnels of playit.gg
telebit.io                          endpoint  any     lottunnels awesome
telebit.cloud                       endpoint  any     lottunnels awesome
telebit.fun                         endpoint  any     lottunnels
tunnelto.dev                        agent     nonweb  lottunnels awesome
tunnelto.dev                        endpoint  any     lottunnels awesome
tuns.sh                             agent     nonweb  awesome
tuns.sh                             endpoint  any     awesome
ssi.sh                              agent     nonweb  lottunnels
ssi.sh                              endpoint  any     lottunnels
pagekite.net                        agent     nonweb  lottunnels awesome
pagekite.net                        endpoint  any     lottunnels awesome
pagekite.me                         endpoint  any     lottunnels awesome
packetriot.com                      agent     nonweb  lottunnels awesome
packetriot.com                      endpoint  any     lottunnels awesome
zrok.io                             endpoint  any     lottunnels awesome
expose.sh                           endpoint  any     lottunnels awesome
expos.es                            endpoint  any     lottunnels
sharedwithexpose.com                endpoint  any     lottunnels awesome
loophole.site                       endpoint  any     lottunnels awesome
loophole.cloud                      endpoint  any     lottunnels awesome
burrow.io                           endpoint  any     lottunnels
burrow.link                         endpoint  any     lottunnels
jprq.io                             agent     nonweb  lottunnels awesome
jprq.io                             endpoint  any     lottunnels awesome
staqlab.com                         endpoint  any     lottunnels
staqlab-tunnel.com                  endpoint  any     lottunnels
openport.io                         agent     nonweb  lottunnels
openport.io                         endpoint  any     lottunnels
pitunnel.com                        agent     nonweb  lottunnels
pitunnel.com                        endpoint  any     lottunnels
dataplicity.com                     endpoint  any     lottunnels
shellhub.io                         agent     nonweb  lottunnels
shellhub.io                         endpoint  any     lottunnels
tmate.io                            agent     nonweb  lottunnels: ssh.tmate.io:22
tmate.io                            endpoint  any     lottunnels
gsocket.io                          agent     nonweb  lottunnels
gsocket.io                          endpoint  any     lottunnels
qsocket.io                          agent     nonweb  lottunnels
qsocket.io                          endpoint  any     lottunnels
ssh-j.com                           agent     nonweb  lottunnels
ssh-j.com                           endpoint  any     lottunnels
sshreach.me                         agent     nonweb  lottunnels
sshreach.me                         endpoint  any     lottunnels
remote.it                           endpoint  any     lottunnels
tunnelmole.net                      endpoint  any     general
srv.us                              agent     nonweb  lottunnels awesome
srv.us                              endpoint  any     lottunnels awesome
tunnl.gg                            agent     nonweb  awesome
tunnl.gg                            endpoint  any     awesome
hrzn.run                            endpoint  any     lottunnels
gw.run                              endpoint  any     lottunnels
inlets.dev                          endpoint  any     lottunnels awesome
webhookrelay.com                    endpoint  any     lottunnels awesome
tunnel.pyjam.as                     endpoint  any     lottunnels awesome
instatunnel.my                      endpoint  any     awesome
# Overlay networks: a pod that joins one can be reached from outside
controlplane.tailscale.com          agent     any     vendor
login.tailscale.com                 endpoint* any     vendor: control server of older clients, but also the page where people log in
log.tailscale.com                   agent     any     vendor: clients send their logs there
log.tailscale.io                    agent     any     vendor: clients send their logs there
derp*.tailscale.com                 agent     any     vendor: relays
tailscale.com                       brand     any     vendor
tailscale.io                        brand     any     vendor
ts.net                              endpoint  any     vendor sigma
root-*.zerotier.com                 agent     any     vendor
zerotier.com                        brand     any     vendor
signal.netbird.io                   agent     any     general
api.netbird.io                      endpoint* any     general: clients and the dashboard use it
relay.netbird.io                    agent     any     general
netbird.io                          brand     any     lottunnels
teleport.sh                         endpoint  any     lottunnels
nkn.org                             agent     nonweb  sigma: seed nodes
nkn.org                             brand     any     sigma
# Out-of-band interaction and web hooks: a way out for data
oast.pro                            endpoint* any     lots
oast.live                           endpoint* any     lots
oast.site                           endpoint* any     lots
oast.online                         endpoint* any     lots
oast.fun                            endpoint* any     lots
oast.me                             endpoint* any     lots
interact.sh                         endpoint* any     lots
oastify.com                         endpoint* any     lots
burpcollaborator.net                endpoint* any     lots
canarytokens.com                    endpoint* any     lots
ceye.io                             endpoint* any     lots
dnslog.cn                           endpoint* any     lots
requestbin.net                      endpoint* any     sigma lots
webhook.site                        endpoint* any     sigma lots
dnshook.site                        endpoint* any     lots
beeceptor.com                       endpoint* any     sigma lottunnels
# Tor
onion                               endpoint* any     sigma zeek_dns_torproxy
onion.to                            endpoint* any     sigma zeek_dns_torproxy
onion.ws                            endpoint* any     sigma zeek_dns_torproxy
onion.ly                            endpoint* any     sigma zeek_dns_torproxy
onion.pet                           endpoint* any     sigma zeek_dns_torproxy
tor2web.org                         endpoint* any     sigma zeek_dns_torproxy
tor2web.io                          endpoint* any     sigma zeek_dns_torproxy
`;
