# Drops a mail that this mailbox has seen before, by the id Estafette gives each message and recipient.
# RFC 7352 (duplicate test); on by default in Dovecot's Pigeonhole. Runs before the users' own scripts:
#
#   plugin {
#     sieve_before = /etc/dovecot/sieve-before/estafette.sieve
#     sieve_duplicate_max_period = 90d   # default 2d: a longer :seconds is cut to it with a warning in the log
#   }
#
# The table of ids lies in the user's home folder, which must exist before the first delivery. A mail without the header
# is never dropped. Dovecot writes the id after it has stored the mail: if Dovecot itself is killed between the two and
# the mail comes again, it is stored twice.
require ["duplicate"];

if duplicate :header "X-Estafette-Id" :handle "estafette" :seconds 7776000 {
  discard;
  stop;
}
