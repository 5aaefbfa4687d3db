// Package threeds is the gateway's 3DS Server (EMV 3-D Secure, browser channel): it learns the card
// ranges from the directory, sends the authentication request of a payment, builds the challenge request
// for the shopper's browser, and takes the results request that decides.
//
// What a browser brings back (CRes) never decides anything: only the RReq does, and its answer goes out
// only after the payment's owner has made it durable. The 3DS Server itself stores nothing, so a gateway
// that was restarted in the middle of a challenge still takes the result.
package threeds
