"""Writes training samples from the sentences below text/: same seed, same bytes.

The sentences were written for this project and stand under its licence. A sample is what the gateway compresses:
the content of packages/protocol around texts, or around mails as packages/mail shrinks them.
"""

import re
from pathlib import Path

TEXT = Path(__file__).parent / "text"
LANGUAGES = ("de", "es", "fil", "fr", "no", "pt", "ru")
DAYS = {
    "en": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "de": "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag",
    "no": "mandag|tirsdag|onsdag|torsdag|fredag|lørdag|søndag",
    "es": "lunes|martes|miércoles|jueves|viernes|sábado|domingo",
    "fr": "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
    "pt": "segunda-feira|terça-feira|quarta-feira|quinta-feira|sexta-feira|sábado|domingo",
    "ru": "понедельник|вторник|среду|четверг|пятницу|субботу|воскресенье",
    "fil": "Lunes|Martes|Miyerkules|Huwebes|Biyernes|Sabado|Linggo",
}
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
HTML_HEAD = (
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head>'
    '<body style="font-family: Arial, sans-serif; font-size: 12pt"><div dir="ltr">'
)


class Chance:
    """A linear congruential generator (Knuth's MMIX constants): the same on every machine and version."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % bound

    def pick(self, items):
        return items[self.below(len(items))]

    def digits(self, count):
        return "".join(str(self.below(10)) for _ in range(count))


def lines(name):
    return [line for line in (TEXT / f"{name}.txt").read_text("utf-8").splitlines() if line]


def table(name):
    rows = (line.split(": ", 1) for line in lines(name))
    return {key: values.split("|") for key, values in rows}


class Writer:
    """Fills sentences: [one|another], {n}, {time}, {pos} and so on."""

    def __init__(self, chance):
        self.chance = chance
        self.names = table("names")
        self.subjects = table("subjects")

    def fill(self, pattern, language="en"):
        chosen = re.sub(r"\[([^\[\]]*\|[^\[\]]*)\]", lambda m: self.chance.pick(m[1].split("|")), pattern)
        return re.sub(r"\{([a-z]+)(\d*)\}|\{([NSEW]{2})\}", lambda m: self.slot(m, language), chosen)

    def slot(self, match, language):
        name, variant = match[1], match[2]
        pick, below, digits = self.chance.pick, self.chance.below, self.chance.digits
        if match[3]:
            return pick(match[3])
        if name == "d":
            return digits(int(variant))
        if name == "alnum":
            return "".join(pick("0123456789ABCDEFGHIJKLMNOPQRSTUVW") for _ in range(int(variant)))
        if name == "lat":
            return {"": f"{below(80):02}-{digits(2)}.{digits(2)}{pick('NS')}", "2": f"{pick(['-', ''])}{below(80)}.{digits(4)}",
                    "4": f"{below(80):02}{below(60):02}.{digits(3)}"}[variant]
        if name == "lon":
            return {"": f"{below(180):03}-{digits(2)}.{digits(2)}{pick('EW')}", "2": f"{pick(['-', ''])}{below(180)}.{digits(4)}",
                    "5": f"{below(180):03}{below(60):02}.{digits(3)}"}[variant]
        makers = {
            "n": lambda: str(below(pick([10, 30, 100, 100, 1000, 5000])) + 2),
            "time": lambda: f"{below(24):02}{pick([':', ':', ''])}{pick(['00', '15', '30', '45', digits(2)])}",
            "day": lambda: pick(DAYS[language].split("|")),
            "month": lambda: pick(MONTHS.split("|")),
            "date": lambda: pick([f"{below(28) + 1} {pick(MONTHS.split('|'))}", f"{below(28) + 1}.{below(12) + 1}.2026",
                                  f"2026-{below(12) + 1:02}-{below(28) + 1:02}"]),
            "dir": lambda: pick("N NE E SE S SW W NW NNE ENE SSW WNW north south west east southwest northwest".split()),
            "pos": lambda: pick([f"{below(80)}°{digits(2)}'N {below(180):03}°{digits(2)}'E", f"{below(80)} {digits(2)}.{digits(1)}S {below(180):03} {digits(2)}.{digits(1)}W",
                                 f"{below(80)}-{digits(2)}.{digits(1)}N {below(180):03}-{digits(2)}.{digits(1)}W", f"{below(80)}.{digits(2)}N {below(180)}.{digits(2)}E"]),
            "name": lambda: pick(self.names[pick(["people", "firsts", "firsts"])]),
            "ship": lambda: pick(self.names["ships"]),
            "place": lambda: pick(self.names["places"]),
            "hhmm": lambda: f"{below(24):02}{below(60):02}",
            "hhmmss": lambda: f"{below(24):02}{below(60):02}{below(60):02}",
            "ddhhmm": lambda: f"{below(28) + 1:02}{below(24):02}{pick('0235')}0",
            "ddmmyy": lambda: f"{below(28) + 1:02}{below(12) + 1:02}26",
            "ymd": lambda: f"2026{pick('-/')}{below(12) + 1:02}-{below(28) + 1:02}".replace("/", "-"),
            "iso": lambda: f"2026-{below(12) + 1:02}-{below(28) + 1:02}T{below(24):02}:{below(60):02}:00{pick(['Z', '.000Z'])}",
            "hex": lambda: "".join(pick("0123456789ABCDEF") for _ in range(2)),
            "icao": lambda: pick("ENBR ENTC BIRF SCCI FACT NZCH EGPB SBBE SBEG RPLL KSEA PANC EDDH LFRB LPPT".split()),
            "call": lambda: pick("LADG DBFR PU8XYZ EA8BFK VK7AB ZL4CD 4F1ABC KG6XYZ GB2SM OX3LX".split()),
            "qnh": lambda: str(960 + below(80)),
            "t": lambda: f"{below(30):02}",
            "q": lambda: pick("1357"),
            "grid": lambda: f"{pick('ABCDEFGHIJKLMNOPQR')}{pick('ABCDEFGHIJKLMNOPQR')}{digits(2)}{pick('abcdefghijklmnopqrstuvwx')}{pick('abcdefghijklmnopqrstuvwx')}",
            "unix": lambda: f"17{digits(8)}",
        }
        return makers[name]()

    def address(self):
        local = self.chance.pick(self.names["people"]).lower().split(" ")
        desk = self.chance.pick("bridge ops captain info office engine doctor station crew lab shore agent radio".split())
        return f"{self.chance.pick([local[0], '.'.join(local), desk])}@{self.chance.pick(self.names['domains'])}"

    def sentence(self, pool, language="en"):
        return self.fill(self.chance.pick(pool), language)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def content(messages):
    """packages/protocol, content.ts: messages of one sender; (kind, sender, recipient, body)."""
    out = bytearray(varint(len(messages)))
    last = (None, None)
    for kind, sender, to, body in messages:
        out.append(kind | (64 if sender == last[0] else 0) | (128 if to == last[1] else 0))
        for address, before, count in ((sender, last[0], b""), (to, last[1], b"\x01")):
            if address != before:
                out += count + bytes([len(address.encode())]) + address.encode()
        out += varint(len(body)) + body
        last = (sender, to)
    return bytes(out)


def text_message(writer, pools, language):
    chance = writer.chance
    count = chance.pick([1, 1, 1, 2, 2, 3])
    body = " ".join(writer.sentence(chance.pick(pools), language) for _ in range(count))
    return body.encode()


def mail_header(writer, language):
    """packages/mail, header-code.ts: the text section of a shrunk header, and its raw section."""
    chance = writer.chance
    sender, person = writer.address(), chance.pick(writer.names["people"])
    to = writer.address()
    out = b"\x80" + f"{chance.pick([person + ' ', '', person + ' '])}<{sender}>".encode() + b"\n"
    out += b"\x81" + chance.pick([to, f"{chance.pick(writer.names['people'])} <{to}>", f"{to}, {writer.address()}"]).encode() + b"\n"
    if chance.below(5) == 0:
        out += b"\x82" + writer.address().encode() + b"\n"
    subject = writer.fill(chance.pick(writer.subjects[language]), language)
    out += b"\x83" + subject.encode() + b"\n"
    out += chance.pick([b"\xf0", b"\xf1", b"\xf1"]) + b"\xf4" + chance.pick([b"\x01\x10\n", b"\x02\x10\n", f"{chance.digits(8)}.{chance.digits(4)}\x10\n".encode()])
    if subject.startswith(("Re:", "AW:", "Sv:")):
        out += b"\xf7\xf6" + chance.pick([b"\x01\x11\n", b"\x02\x11\n", b"CAF+\x04@mail.gmail.com\n"])
    out += chance.pick([b"\xc0\xc1\xc2", b"\xc0\xc1\xc8", b"\xc0\xc4\xc2", b"\xc0\xc5\xc2", b"\xc0\xc6\xc8", b"\xc0\xc7\xc2"]) + b"\n"
    return out, bytes(chance.below(256) for _ in range(6))


GREETINGS = {
    "en": "Dear {name},|Hi {name},|Hello {name},|Dear all,|Good morning,|Dear colleagues,|Hi all,|Dear Captain,|Good evening {name},|Hello everybody,",
    "de": "Liebe {name},|Lieber {name},|Sehr geehrte Damen und Herren,|Hallo {name},|Hallo zusammen,|Guten Tag,",
    "no": "Hei {name},|Kjære {name},|Hei alle sammen,|God morgen,|Hei igjen,",
    "es": "Hola {name}:|Querida {name}:|Estimado señor:|Estimados colegas:|Buenos días:",
    "fr": "Bonjour {name},|Cher {name},|Chère {name},|Madame, Monsieur,|Bonjour à tous,",
    "pt": "Olá {name},|Oi {name},|Prezados senhores,|Querida {name},|Bom dia,",
    "ru": "Здравствуйте!|Уважаемые коллеги!|Добрый день!|Привет!|Дорогая мама!",
    "fil": "Mahal kong {name},|Magandang araw po,|Kumusta {name},|Hello po,",
}
CLOSINGS = {
    "en": "Best regards,\n{name}|Kind regards,\n{name}|Regards\n{name}|Many thanks and best regards,\n\n{name}\nChief Engineer|Love,\n{name}|All the best,\n{name}|Thanks,\n{name}|Yours sincerely,\n{name}\nMaster|Best wishes,\n{name}\n\n--\n{name}\n{ship}",
    "de": "Mit freundlichen Grüßen\n{name}|Viele Grüße\n{name}|Liebe Grüße\n{name}|Beste Grüße\n{name}",
    "no": "Med vennlig hilsen\n{name}|Hilsen {name}|Klem fra {name}|Mvh\n{name}",
    "es": "Un cordial saludo,\n{name}|Saludos,\n{name}|Un abrazo,\n{name}|Atentamente,\n{name}",
    "fr": "Cordialement,\n{name}|Bien cordialement,\n{name}|Je t'embrasse,\n{name}|Amitiés\n{name}",
    "pt": "Atenciosamente,\n{name}|Um abraço,\n{name}|Abraços\n{name}|Beijos,\n{name}",
    "ru": "С уважением,\n{name}|Всего доброго!|Целую, {name}|С наилучшими пожеланиями",
    "fil": "Lubos na gumagalang,\n{name}|Nagmamahal,\n{name}|Ingat,\n{name}|Salamat po,\n{name}",
}


def mail_message(writer, pools, language):
    chance = writer.chance
    paragraphs = [
        " ".join(writer.sentence(chance.pick(pools), language) for _ in range(chance.below(4) + 1))
        for _ in range(chance.below(4) + 1)
    ]
    if chance.below(6) == 0:
        rows = [f"- {writer.sentence(pools[0], language)}" for _ in range(chance.below(5) + 2)]
        paragraphs.insert(1, "\n".join(rows))
    greeting = writer.fill(chance.pick(GREETINGS[language].split("|")), language)
    closing = writer.fill(chance.pick(CLOSINGS[language].split("|")), language)
    if chance.below(12) == 0:
        body = HTML_HEAD + "".join(f"<p>{part}</p>\n" for part in [greeting, *paragraphs, closing.replace("\n", "<br>")]) + "</div></body></html>\n"
    else:
        body = "\n\n".join([greeting, *paragraphs, closing]) + "\n"
    if chance.below(5) == 0:
        quoted = [f"> {writer.sentence(pools[0], language)}" for _ in range(chance.below(4) + 1)]
        body += f"\nOn {writer.fill('{date}, {name}')} wrote:\n" + "\n".join(quoted) + "\n"
    head, raw = mail_header(writer, language)
    width = bytes([chance.pick([1, 72, 72, 76, 78, 79])])
    return b"\x11" + bytes([len(raw)]) + raw + head + width + body.encode()


def sample(writer, kind, pools, language):
    """One content: mostly one message, sometimes several that waited together."""
    chance = writer.chance
    sender = writer.address()
    count = chance.pick([1, 1, 1, 1, 3, 8] if kind == 1 else [1, 1, 1, 2])
    make = text_message if kind == 1 else mail_message
    to = writer.address()
    messages = []
    for _ in range(count):
        if chance.below(3) == 0:
            to = writer.address()
        messages.append((kind, sender, to, make(writer, pools, language)))
    return content(messages)


def phrases(line):
    """A line of `a, b, c` as sentences a compressor meets: each phrase between spaces."""
    return [part.strip() for part in line.split(",") if part.strip()]
