package lookalike

import "sort"

// weights of a word beside a name
const (
	weak   = 1 // goes with any site: my, group, blog
	bait   = 2 // goes with shops, true and false ones: outlet, sale, official
	plea   = 3 // goes with sign-in, money, parcels, prizes, but stands in honest names about as often as in phishing hosts (less than three times in Phishing.Database)
	strong = 4 // the same, and more often in phishing hosts
)

// affixTable lists words that make an edge when they stand beside a protected name. Written for this project, from what phishing
// hosts and name generators commonly use, in several languages.
var affixTable = wordTable(
	weak, `web org info biz int app apps my the go get to in on mobile shop shops store stores online live site page
		home portal official real us usa uk de fr es it pl nl eu br mx jp cn in au ca ru tr cl ar pe pt se dk fi ch be ie nz za kr tw hk sg my th vn ph id global world international inc ltd llc corp
		group team co company center centre hub zone club vip pro plus premium new now today best top cloud link links click url direct
		express fast easy smart sale sales deal deals offer offers outlet discount cheap blog news forum community support24 digital tech
		media mail email webmail server host hosting test dev beta demo app1 co-uk gmbh sa spa srl for at by and is
		signup http https ssl view choose agree business blue red green black white gold silver summary document documents doc docs file
		files share photo photos video videos music radio tv film movie book books game games play player sport sports fan fans life love
		time day world city land house car auto food kids baby man men woman women school learn course academy career careers job jobs work
		office desk tool tools lab labs studio design art print factory market markets mart trade trader trading invest investor capital
		finance health beauty fashion style wear shoes bag bags watch partner partners network networks system systems solution solutions
		platform marketing ads advert agency consulting security24 data info24 list search find compare review24 guide faq about
		contact us2 event seller sellers vendor vendors supplier merchant merchants affiliate affiliates business24 ecommerce commerce
		big super ultra max mini one first true good great cool hot fun more here there this that with from one1 inbox attachment
		your our de la le el der die das mein mi mon meu tu download install setup setting settings en`,
	bait, `www ww wwww com net shop shops store stores outlet sale sales deal deals offer offers discount discounts cheap official online clearance
		promo promos bargain warehouse factory online24 store24 shop24 download
		oferta ofertas rabatt angebot angebote tienda loja boutique soldes sconto sconti negozio outlet24 wyprzedaz sklep`,
	plea, `cart cards stake payments care lock transfer coupon money trace fund bank checkout free cash pays gifts ship users sync bonus card post bill
		services shipping connect pago orders credit identity promo events sign order banking safe security event customs package packages`,
	strong, `login signin logon log logn secure secured safety verify verified verification verif validate validation valid
		account accounts acct accnt update updates upgrade support help helpdesk helpcenter service servicing customer customers
		client clients pay payment paying billing invoice invoices refund refunds claim claims wallet wallets
		ebanking netbanking debit auth authenticate authentication authorize authorization confirm confirmation
		confirmed unlock unlocked locked recover recovery restore suspend suspended suspension alert alerts notice notification
		notifications id ids identification user member members membership password passwd reset token session access portalid
		track tracking deliver delivery deliveries parcel parcels shipment postal
		fee fees tax toll bonuses gift giftcard prize prizes promotion promotions reward rewards win winner
		coupons voucher vouchers airdrop claimnow dapp swap staking mint bridge giveaway
		cancel cancelled resolution resolve dispute case review activate activation enroll register registration manage management
		admin buy purchase transaction transactions transfers funds loan kyc otp mfa sso oauth
		konto anmelden anmeldung kunde kunden sicherheit zahlung bezahlen lieferung paket sendung rechnung bestaetigung
		cuenta cuentas seguro segura seguridad pagos envio envios paquete cliente clientes verificar verificacion acceso ingresar
		compte connexion securite paiement livraison colis suivi espace verifier
		cuenta conto accesso sicurezza pagamento pagamenti spedizione pacco verifica cliente utente
		platnosc platnosci dostawa oferta odbior przesylka logowanie konto zamowienie kup sprzedaz
		conta entrar seguranca entrega pedido rastreio fatura
		oplata dostavka zakaz vhod kabinet odeme giris hesap kargo siparis
		betaling levering pakket rekening inloggen`)

// Words gives the words that make an edge beside a name, sorted.
func Words() []string {
	out := make([]string, 0, len(affixTable))
	for w := range affixTable {
		out = append(out, w)
	}
	sort.Strings(out)
	return out
}

// riskyEndingTable lists endings that are sold cheaply to everybody and that imitations use far more than the owners of names do. The very name of
// a brand under one of them is caution; under another ending it is a hint, for that is mostly the brand's own site that nobody has listed.
var riskyEndingTable = map[string]bool{
	"tk": true, "ml": true, "ga": true, "cf": true, "gq": true, "cc": true, "ws": true, "pw": true, "su": true,
	"top": true, "shop": true, "xyz": true, "online": true, "site": true, "store": true, "vip": true, "icu": true, "live": true,
	"click": true, "link": true, "info": true, "club": true, "life": true, "world": true, "today": true, "buzz": true, "cfd": true,
	"sbs": true, "bond": true, "cyou": true, "rest": true, "lol": true, "mom": true, "quest": true, "monster": true, "fun": true,
	"space": true, "website": true, "pro": true, "ltd": true, "ink": true, "work": true, "best": true, "support": true, "help": true,
	"center": true, "email": true, "cards": true, "bid": true, "win": true, "loan": true, "date": true, "men": true, "party": true,
	"review": true, "stream": true, "trade": true, "racing": true, "download": true, "accountant": true, "faith": true, "science": true, "cricket": true,
	"gdn": true, "surf": true, "sale": true, "deals": true, "discount": true, "promo": true, "market": true, "markets": true, "money": true,
	"cash": true, "credit": true, "creditcard": true, "loans": true, "financial": true, "finance": true, "exchange": true, "claims": true, "delivery": true,
	"express": true, "services": true, "company": true, "agency": true, "solutions": true, "systems": true, "network": true, "host": true, "press": true,
	"wiki": true, "one": true, "run": true, "fit": true, "wang": true, "ren": true, "xin": true, "kim": true, "red": true,
	"blue": true, "pink": true, "black": true, "shopping": true, "cheap": true, "boutique": true, "fashion": true, "shoes": true, "gift": true,
	"gifts": true, "security": true, "secure": true, "login": true, "auto": true, "beauty": true, "hair": true, "skin": true, "makeup": true,
	"boats": true, "homes": true, "autos": true, "motorcycles": true, "yachts": true, "pics": true, "zip": true, "mov": true,
}

// wordTable reads alternating weights and word lists; the greater weight wins.
func wordTable(weightsAndWords ...any) map[string]int32 {
	t := map[string]int32{}
	for i := 0; i+1 < len(weightsAndWords); i += 2 {
		weight := int32(weightsAndWords[i].(int))
		list := weightsAndWords[i+1].(string)
		start := -1
		for j := 0; j <= len(list); j++ {
			blank := j == len(list) || list[j] == ' ' || list[j] == '\n' || list[j] == '\t'
			switch {
			case !blank && start < 0:
				start = j
			case blank && start >= 0:
				if w := list[start:j]; t[w] < weight {
					t[w] = weight
				}
				start = -1
			}
		}
	}
	return t
}

// registryTable lists private suffixes that are run like a registry: names under them are bought, as under a top-level domain, not
// handed out by a hosting platform.
var registryTable = map[string]bool{
	"com.de": true, "com.se": true, "de.com": true, "us.com": true, "uk.com": true, "eu.com": true, "gb.net": true, "uk.net": true,
	"cn.com": true, "jpn.com": true, "br.com": true, "sa.com": true, "ru.com": true, "za.com": true, "in.net": true, "se.net": true,
	"hu.net": true, "jp.net": true, "co.com": true, "gr.com": true, "mex.com": true, "co.nl": true, "co.no": true, "ae.org": true,
	"us.org": true, "eu.org": true, "africa.com": true, "radio.am": true, "radio.fm": true, "za.bz": true, "com.ru": true, "org.ru": true,
	"net.ru": true, "pp.ru": true, "msk.ru": true, "spb.ru": true, "co.ua": true, "pp.ua": true, "biz.ua": true, "ltd.ua": true,
	"co.in": true, "co.ca": true, "nl.ca": true, "cc.ua": true, "co.hu": true,
}
