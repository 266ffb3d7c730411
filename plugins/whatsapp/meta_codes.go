package main

import "time"

// metaCode sorts a code of Meta's and says what to do. Class 0 means that the
// code is not known: the HTTP status must do.
func metaCode(code, subcode int) failure {
	switch code {
	case 1: // unknown to Meta as well; it may be the request
		return failure{class: retry, tries: 2, what: "WhatsApp does not say what is wrong; tried twice"}
	case 2, 131000, 131016, 133004, 133005:
		return failure{class: retry, what: "WhatsApp cannot take the message now"}
	case 131057:
		return failure{class: retry, after: time.Minute, what: "the number is being moved or upgraded by Meta"}

	case 4, 80007, 130429:
		return failure{class: slow, after: time.Minute, what: "too many messages: set rate: for this listener, such as 10/s"}
	case 131056:
		return failure{class: retry, pair: true, what: "too many messages to this recipient: raise per_recipient"}
	case 131048:
		return failure{class: slow, after: time.Hour, what: "Meta limits this number because people reported or blocked it: look at its quality in WhatsApp Manager"}

	case 131049:
		return failure{class: retry, after: 6 * time.Hour, what: "Meta chose not to deliver now, to spare the recipient; sending again at once makes it worse"}
	case 130472:
		return failure{class: retry, after: 24 * time.Hour, tries: 2, what: "the recipient is in an experiment of Meta's and gets no such messages"}

	case 131026:
		return failure{class: permanent, what: "the number cannot be reached on WhatsApp: correct it in the application, or tell the customer another way"}
	case 131030:
		return failure{class: permanent, what: "the number is not on the test number's list: add it in the app's settings, or use a real number"}
	case 131021:
		return failure{class: permanent, what: "sender and recipient are the same number"}
	case 131050:
		return failure{class: permanent, what: "the recipient has opted out of messages from this business"}
	case 131051:
		return failure{class: permanent, what: "WhatsApp does not know this type of message"}
	case 131052, 131053:
		return failure{class: permanent, what: "the media file cannot be used"}
	case 131047:
		return failure{class: window, what: "more than 24 hours since the recipient last wrote, so only a template may be sent: use mode template or text_then_template"}
	case 100:
		if subcode == 33 {
			return failure{class: unavailable, what: "the number does not exist or the token may not use it: check phone_number_id and token"}
		}
		return failure{class: permanent, what: "WhatsApp refuses the message as it is: check the recipient's number and the template's values"}
	case 131008, 131009:
		return failure{class: permanent, what: "WhatsApp refuses the message as it is: check the recipient's number and the template's values"}

	case 0, 190:
		return failure{class: unavailable, what: "the token is wrong or has expired: make a new one for a system user and put it into token:"}
	case 3, 10, 131005:
		return failure{class: unavailable, what: "the token may not send: give its system user whatsapp_business_messaging"}
	case 33:
		return failure{class: unavailable, what: "the number was deleted: check phone_number_id"}
	case 368, 131031:
		return failure{class: unavailable, after: time.Hour, what: "Meta has locked the account: look into WhatsApp Manager"}
	case 130497:
		return failure{class: unavailable, after: time.Hour, what: "the account may not write to people of this country"}
	case 131037:
		return failure{class: unavailable, after: time.Hour, what: "the number's display name is not approved: see WhatsApp Manager"}
	case 131042:
		return failure{class: unavailable, after: time.Hour, what: "there is a problem with the payment: see the account's billing"}
	case 131045, 133010:
		return failure{class: unavailable, what: "the number is not registered: register it with its PIN"}

	case 132000:
		return failure{class: badTemplate, after: templateWait, what: "the template has another number of values than the configuration gives it: correct body, header or buttons"}
	case 132001:
		return failure{class: badTemplate, after: templateWait, what: "there is no such template in this language, or it is not approved yet: check name and languages"}
	case 132005:
		return failure{class: badTemplate, after: templateWait, what: "the text is too long once the values are in: shorten them"}
	case 132007:
		return failure{class: badTemplate, after: templateWait, what: "the template breaks a rule of WhatsApp's: see WhatsApp Manager"}
	case 132012, 132018:
		return failure{class: badTemplate, after: templateWait, what: "a value has not the form that the template wants: compare body, header and buttons with it"}
	case 132015:
		return failure{class: badTemplate, after: templateWait, what: "the template is paused for low quality: it comes back by itself, or edit it"}
	case 132016:
		return failure{class: badTemplate, after: templateWait, what: "the template was disabled for low quality: make a new one and name it here"}
	case 132068, 132069:
		return failure{class: badTemplate, after: templateWait, what: "the template's flow is blocked or throttled: see WhatsApp Manager"}
	}
	if code >= 200 && code <= 299 {
		return failure{class: unavailable, what: "the token may not send: give its system user whatsapp_business_messaging"}
	}
	return failure{}
}
