package emv3ds

// Conditions under which a conditional field is required.

func always(*scope) bool { return true }

// atACS: the directory adds its fields before the ACS sees the message.
func atACS(s *scope) bool { return s.receiver == ACS }

func payment(s *scope) bool { return s.m.Text("messageCategory") == "01" }

// purchase: payments, and adding a card for recurring or instalment payments.
func purchase(s *scope) bool { return payment(s) || recurring(s) }

func recurring(s *scope) bool {
	ind := s.m.Text("threeDSRequestorAuthenticationInd")
	return ind == "02" || ind == "03"
}

func instalments(s *scope) bool {
	return s.m.Text("threeDSRequestorAuthenticationInd") == "03"
}

func javaScript(s *scope) bool {
	on, _ := s.m.Bool("browserJavascriptEnabled")
	return on
}

func decoupledAsked(s *scope) bool { return s.m.Text("threeDSRequestorDecReqInd") == "Y" }

func tokenUsed(s *scope) bool {
	used, _ := s.m.Bool("payTokenInd")
	return used
}

func whiteListed(s *scope) bool { return s.m.Has("whiteListStatus") }

// stateGiven: a state without its country says nothing.
func stateGiven(state string) func(*scope) bool {
	return func(s *scope) bool { return s.m.Has(state) }
}

// status: transStatus is one of the letters.
func status(letters string) func(*scope) bool {
	return func(s *scope) bool {
		t := s.m.Text("transStatus")
		return len(t) == 1 && containsByte(letters, t[0])
	}
}

// challengeDone: the holder answered, so the way of answering is known. A challenge that was broken
// off may have had none.
func challengeDone(s *scope) bool {
	return s.m.Text("transStatus") == "Y" || s.m.Text("transStatus") == "N" && !s.m.Has("challengeCancel")
}

func notDecoupled(s *scope) bool { return s.m.Text("authenticationType") != "04" }
