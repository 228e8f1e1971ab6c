interface ExampleOptions {
  readonly kind: "ship" | "shore";
  readonly name: string;
  readonly domain: string;
}

/** A configuration that is complete, commented and passes `config check` as it is. */
export function exampleConfig(options: ExampleOptions): string {
  return options.kind === "ship" ? shipConfig(options) : shoreConfig(options);
}

function head({ name, domain }: ExampleOptions): string {
  return `# Estafette gateway "${name}". After a change: estafette config check
# All keys and their defaults: estafette config reference
version: 1

node:
  name: ${name}
  mail_domain: ${domain}       # mailboxes here: somebody@${domain}

state:
  directory: state             # keys and waiting mail; mode 0700; counts from this file
  quota: 1 GB
`;
}

function shipConfig(options: ExampleOptions): string {
  const { domain } = options;
  return `${head(options)}
peers:
  shore: {}                    # key and domains come with: estafette peer accept 'estafette-peer:…'

exit: shore                    # carries our mail for everybody else on the internet

links:
  radio:
    driver: serial
    peer: shore
    port: /dev/serial/by-id/usb-FTDI_FT230X_Basic_UART_DN05ABCD-if00-port0   # your modem: ls /dev/serial/by-id
    baud: 9600
    rate: 1200 bit/s           # on the air
    turnaround: 250 ms         # from receiving to sending
    duplex: half
    # content: clear_signed_only       # where nothing obscured may be sent
    # airtime_per_hour: 10 %   # a fifth of it is kept for urgent messages: urgent_share
    # drain_rate: 100 B/s      # the most we send, and want to be sent
    # windows: ["cron 0 6,18 * * * for 30m"]    # when the far end listens, UTC
  # harbour:                   # a second way, when there is a network
  #   driver: tcp
  #   peer: shore
  #   connect: shore.example.org:7425

mail:
  submission:                  # what the crew's mail programs call the outgoing server
    listen: 127.0.0.1:2587     # 0.0.0.0:587 for the whole ship, then with tls
    tls: none                  # or {key: /etc/estafette/key.pem, cert: /etc/estafette/cert.pem}
  mailbox:
    maildir: mail/{domain}/{user}    # or, for Dovecot: lmtp: 127.0.0.1:24
  size_max: 2 MB

users:
  anna:
    password: !secret anna     # from secrets.yaml beside this file
    addresses: [anna@${domain}]

lifetime: 7d
`;
}

function shoreConfig(options: ExampleOptions): string {
  const { domain } = options;
  return `${head(options)}
peers:
  aurora:                      # key and domains come with: estafette peer accept 'estafette-peer:…'
    exit_from: ["@aurora.ship.example"]    # we put its mail on the internet when these write it

links:
  radio:
    driver: serial
    peer: aurora
    port: /dev/serial/by-id/usb-FTDI_FT230X_Basic_UART_DN05EFGH-if00-port0   # your modem: ls /dev/serial/by-id
    baud: 9600
    rate: 1200 bit/s
    turnaround: 250 ms
    duplex: half
  # network:
  #   driver: tcp
  #   peer: aurora
  #   listen: "[::]:7425"

mail:
  lmtp_in:
    listen: 127.0.0.1:2424     # Postfix: transport_maps = aurora.ship.example lmtp:inet:127.0.0.1:2424
  mailbox:
    maildir: mail/{domain}/{user}    # or, for Dovecot: lmtp: 127.0.0.1:24
  smarthost: {host: 127.0.0.1, port: 25, tls: none}    # Postfix: takes mail for the internet
  size_max: 2 MB

users:
  anna:
    password: !secret anna     # from secrets.yaml beside this file
    addresses: [anna@${domain}]
  # everybody: {addresses: ["*@${domain}"]}    # every other name of the domain; Dovecot sorts them

lifetime: 7d
`;
}
