/*
 * dump prints what ICU knows about every code point, one line each, only where it is not the plain default:
 *   code point TAB UTS #46 mapping TAB UTS #39 skeleton TAB decomposition (NFD) TAB combining class TAB composition
 * Code points are in hex, sequences separated by spaces. Mapping: "!" = not allowed, "" = ignored, "=" = itself.
 * Composition: "-" or the pair "a b" that NFC joins into this code point. Then TAB and the letter x of a name such as
 * LATIN SMALL LETTER X WITH HOOK or LATIN LETTER SMALL CAPITAL X, or "-".
 *
 *   cc -O1 -o dump guard/lookalike/gen/icu/dump.c $(pkg-config --cflags --libs icu-uc icu-i18n)    (Debian: libicu-dev)
 *
 * With an argument it reads lines of UTF-8 and prints: skeleton TAB uidna_nameToUnicode TAB uidna_nameToASCII TAB error bits.
 */
#include <stdio.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

static void put(const UChar *s, int32_t n) {
    UChar32 c;
    for (int32_t i = 0, first = 1; i < n; first = 0) {
        U16_NEXT(s, i, n, c);
        printf(first ? "%X" : " %X", (unsigned)c);
    }
}

/* base gives the letter that the character's name says, or '-'. */
static char base(UChar32 c) {
    char name[128];
    UErrorCode e = U_ZERO_ERROR;
    static const char *heads[] = {"LATIN SMALL LETTER ", "LATIN LETTER SMALL CAPITAL ", "LATIN SMALL LETTER DOTLESS ", "LATIN SMALL LETTER LONG "};
    u_charName(c, U_UNICODE_CHAR_NAME, name, sizeof name, &e);
    if (U_FAILURE(e)) return '-';
    for (int i = 0; i < 4; i++) {
        size_t n = strlen(heads[i]);
        if (!strncmp(name, heads[i], n) && name[n] >= 'A' && name[n] <= 'Z' && (name[n + 1] == 0 || !strncmp(name + n + 1, " WITH ", 6)))
            return name[n] + 32;
    }
    return '-';
}

static void utf8(const UChar *s, int32_t n) {
    char out[8192];
    int32_t len = 0;
    UErrorCode e = U_ZERO_ERROR;
    u_strToUTF8(out, sizeof out, &len, s, n, &e);
    if (U_SUCCESS(e)) fwrite(out, 1, len, stdout);
}

static int lines(USpoofChecker *sc, UIDNA *idna) {
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        UChar in[4096], out[8192];
        int32_t n = 0, m;
        UErrorCode e = U_ZERO_ERROR;
        u_strFromUTF8(in, 4096, &n, line, -1, &e);
        if (U_FAILURE(e)) { puts("?"); continue; }
        m = uspoof_getSkeleton(sc, 0, in, n, out, 8192, &e);
        utf8(out, m);
        putchar('\t');
        UIDNAInfo info = UIDNA_INFO_INITIALIZER;
        e = U_ZERO_ERROR;
        m = uidna_nameToUnicode(idna, in, n, out, 8192, &info, &e);
        utf8(out, m);
        putchar('\t');
        UIDNAInfo info2 = UIDNA_INFO_INITIALIZER;
        e = U_ZERO_ERROR;
        m = uidna_nameToASCII(idna, in, n, out, 8192, &info2, &e);
        utf8(out, m);
        printf("\t%x\n", (unsigned)info2.errors);
    }
    return 0;
}

int main(int argc, char **argv) {
    UErrorCode e = U_ZERO_ERROR;
    USpoofChecker *sc = uspoof_open(&e);
    UIDNA *idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE, &e);
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&e), *nfc = unorm2_getNFCInstance(&e);
    if (U_FAILURE(e)) { fprintf(stderr, "ICU: %s\n", u_errorName(e)); return 1; }
    if (argc > 1) return lines(sc, idna);
    printf("# ICU %s Unicode %s\n", U_ICU_VERSION, U_UNICODE_VERSION);
    for (UChar32 c = 0x80; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff) continue;
        UChar in[2], map[64], skel[64], dec[64], raw[64];
        int32_t n = 0, mn, sn, dn, rn;
        U16_APPEND_UNSAFE(in, n, c);
        UIDNAInfo info = UIDNA_INFO_INITIALIZER;
        e = U_ZERO_ERROR;
        UChar after[3] = {0x4e00, in[0], n > 1 ? in[1] : 0}; /* after a letter: a mark alone is refused */
        mn = uidna_nameToUnicode(idna, after, n + 1, map, 64, &info, &e) - 1;
        memmove(map, map + 1, mn * sizeof(UChar));
        int bad = U_FAILURE(e) || (info.errors & UIDNA_ERROR_DISALLOWED);
        e = U_ZERO_ERROR;
        sn = uspoof_getSkeleton(sc, 0, in, n, skel, 64, &e);
        dn = unorm2_normalize(nfd, in, n, dec, 64, &e);
        rn = unorm2_getRawDecomposition(nfc, c, raw, 64, &e);
        int ccc = u_getCombiningClass(c);
        int joins = 0;
        UChar32 a = 0, b = 0;
        if (rn > 0) {
            int32_t i = 0;
            U16_NEXT(raw, i, rn, a);
            if (i < rn) U16_NEXT(raw, i, rn, b);
            joins = b && unorm2_composePair(nfc, a, b) == c;
        }
        int mapped = !(mn == n && !memcmp(map, in, n * sizeof(UChar)));
        int skeletal = !(sn == n && !memcmp(skel, in, n * sizeof(UChar)));
        int decomposes = !(dn == n && !memcmp(dec, in, n * sizeof(UChar)));
        if (!bad && !mapped && !skeletal && !decomposes && !ccc) {
            printf("%X\t=\t=\t=\t0\t-\t%c\n", (unsigned)c, base(c));
            continue;
        }
        printf("%X\t", (unsigned)c);
        if (bad) printf("!"); else if (!mapped) printf("="); else put(map, mn);
        putchar('\t');
        if (!skeletal) printf("="); else put(skel, sn);
        putchar('\t');
        if (!decomposes) printf("="); else put(dec, dn);
        printf("\t%d\t", ccc);
        if (joins) printf("%X %X", (unsigned)a, (unsigned)b); else printf("-");
        printf("\t%c\n", base(c));
    }
    return 0;
}
