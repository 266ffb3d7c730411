package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// gateway is a server of one of the other providers. It refuses what the real
// one refuses, and answers the next message with next if that is set.
type gateway struct {
	*httptest.Server
	mu    sync.Mutex
	next  http.HandlerFunc
	state string
	// exists are the numbers on WhatsApp, and the chats that they have.
	exists map[string]string
	asked  int
	// question answers waha's question for a chat, if it is set.
	question http.HandlerFunc
	got      []map[string]any
	form     []map[string]string
}

func (g *gateway) send(w http.ResponseWriter, r *http.Request, take func()) {
	g.mu.Lock()
	next := g.next
	g.next = nil
	g.mu.Unlock()
	if next != nil {
		next(w, r)
		return
	}
	take()
}

// decode reads a JSON body that may have only keys.
func decode(r *http.Request, keys ...string) (map[string]any, error) {
	var v map[string]any
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		return nil, err
	}
	for _, key := range keys {
		if s, ok := v[key].(string); ok && s == "" || v[key] == nil {
			return nil, fmt.Errorf("instance requires property %q", key)
		}
	}
	if len(v) != len(keys) {
		return nil, fmt.Errorf("unknown properties in %v", v)
	}
	return v, nil
}

func newGateway(t *testing.T, mux *http.ServeMux) *gateway {
	t.Helper()
	g := &gateway{exists: map[string]string{customer: "551955500142@c.us"}, state: "open"}
	g.Server = httptest.NewServer(mux)
	t.Cleanup(g.Close)
	return g
}

// newFakeEvolution is an Evolution API server of version 2.3.
func newFakeEvolution(t *testing.T) *gateway {
	mux := http.NewServeMux()
	g := newGateway(t, mux)
	refuse := func(w http.ResponseWriter, status int, name string, message any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "error": name, "response": map[string]any{"message": message}})
	}
	guard := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("apikey") != "t0ken":
				refuse(w, 401, "Unauthorized", "Unauthorized")
			case r.PathValue("instance") != "studio aurora":
				refuse(w, 404, "Not Found", []string{fmt.Sprintf("The %q instance does not exist", r.PathValue("instance"))})
			default:
				next(w, r)
			}
		}
	}
	take := func(keys ...string) http.HandlerFunc {
		return guard(func(w http.ResponseWriter, r *http.Request) {
			g.send(w, r, func() {
				v, err := decode(r, keys...)
				if err != nil {
					refuse(w, 400, "Bad Request", []string{err.Error()})
					return
				}
				number := v["number"].(string)
				if g.exists[number] == "" {
					refuse(w, 400, "Bad Request", []any{map[string]any{"exists": false, "jid": number + "@s.whatsapp.net", "number": number}})
					return
				}
				g.got = append(g.got, v)
				w.WriteHeader(201)
				fmt.Fprintf(w, `{"key":{"remoteJid":"%s@s.whatsapp.net","fromMe":true,"id":"3EB0%d"},"status":"PENDING","message":{},"messageTimestamp":"1769000000"}`, number, len(g.got))
			})
		})
	}
	mux.HandleFunc("POST /message/sendText/{instance}", take("number", "text"))
	mux.HandleFunc("POST /message/sendTemplate/{instance}", take("number", "name", "language", "components"))
	mux.HandleFunc("GET /instance/connectionState/{instance}", guard(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"instance":{"instanceName":"studio aurora","state":%q}}`, g.state)
	}))
	return g
}

// newFakeWaha is a WAHA server.
func newFakeWaha(t *testing.T) *gateway {
	mux := http.NewServeMux()
	g := newGateway(t, mux)
	g.state = "WORKING"
	guard := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Api-Key") != "t0ken" {
				w.WriteHeader(401)
				fmt.Fprint(w, `{"message":"Unauthorized","statusCode":401}`)
				return
			}
			if g.state != "WORKING" && !strings.HasPrefix(r.URL.Path, "/api/sessions/") {
				w.WriteHeader(422)
				fmt.Fprintf(w, `{"error":"Session status is not as expected","session":"default","status":%q,"expected":["WORKING"]}`, g.state)
				return
			}
			next(w, r)
		}
	}
	mux.HandleFunc("GET /api/contacts/check-exists", guard(func(w http.ResponseWriter, r *http.Request) {
		if g.question != nil {
			g.question(w, r)
			return
		}
		g.asked++
		chat := g.exists[r.URL.Query().Get("phone")]
		if r.URL.Query().Get("session") != "default" {
			w.WriteHeader(404)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"numberExists": chat != "", "chatId": chat})
	}))
	mux.HandleFunc("POST /api/sendText", guard(func(w http.ResponseWriter, r *http.Request) {
		g.send(w, r, func() {
			v, err := decode(r, "session", "chatId", "text")
			if err != nil || !regexp.MustCompile(`^\d+@c\.us$`).MatchString(v["chatId"].(string)) {
				w.WriteHeader(400)
				fmt.Fprint(w, `{"message":["chatId must be a chat"],"statusCode":400}`)
				return
			}
			g.got = append(g.got, v)
			w.WriteHeader(201)
			fmt.Fprintf(w, `{"id":{"fromMe":true,"id":"3EB0","_serialized":"true_%s_3EB0"},"timestamp":1769000000}`, v["chatId"])
		})
	}))
	mux.HandleFunc("GET /api/sessions/{name}", guard(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") != "default" {
			w.WriteHeader(404)
			fmt.Fprint(w, `{"message":"Session not found","statusCode":404}`)
			return
		}
		fmt.Fprintf(w, `{"name":"default","status":%q}`, g.state)
	}))
	return g
}

// newFakeTwilio is Twilio's programmable messaging and its store of templates.
func newFakeTwilio(t *testing.T) *gateway {
	mux := http.NewServeMux()
	g := newGateway(t, mux)
	g.state = "active"
	content := map[string]string{ // by SID: language, approval, body
		"HXpt": "pt_BR approved Olá {{1}}, {{2}} está marcado: {{3}}. {{4}}",
		"HXen": "en approved Hello {{1}}, {{2}} is booked: {{3}}. {{4}}",
		"HXno": "pt_BR pending Olá {{1}}, {{2}}: {{3}}. {{4}}",
		"HX3":  "pt_BR approved Olá {{1}}, {{2}}: {{3}}.",
	}
	guard := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "AC1" || password != "t0ken" {
				twilioError(w, 401, 20003, "Authenticate")
				return
			}
			next(w, r)
		}
	}
	mux.HandleFunc("POST /2010-04-01/Accounts/AC1/Messages.json", guard(func(w http.ResponseWriter, r *http.Request) {
		g.send(w, r, func() {
			_ = r.ParseForm()
			form := map[string]string{}
			for key := range r.PostForm {
				form[key] = r.PostForm.Get(key)
			}
			var values map[string]string
			text, isTemplate := strings.CutPrefix(content[form["ContentSid"]], "")
			switch {
			case r.Header.Get("Content-Type") != "application/x-www-form-urlencoded":
				twilioError(w, 415, 21600, "a form is wanted")
			case !regexp.MustCompile(`^whatsapp:\+\d{8,15}$`).MatchString(form["To"]):
				twilioError(w, 400, 21211, "The 'To' number "+form["To"]+" is not a valid phone number")
			case form["From"] != "whatsapp:+14155550100" && form["MessagingServiceSid"] != "MG1":
				twilioError(w, 400, 63007, "Twilio could not find a Channel with the specified From address")
			case form["Body"] != "" && g.exists["open"] == "":
				twilioError(w, 400, 63016, "Failed to send freeform message because you are outside the allowed window")
			case form["Body"] == "" && (!isTemplate || text == ""):
				twilioError(w, 400, 21655, "The ContentSid is Invalid")
			case form["Body"] == "" && (json.Unmarshal([]byte(form["ContentVariables"]), &values) != nil || len(values) != strings.Count(text, "{{")):
				twilioError(w, 400, 21656, "The ContentVariables Parameter is invalid")
			default:
				g.form = append(g.form, form)
				w.WriteHeader(201)
				fmt.Fprintf(w, `{"sid":"SM%d","status":"queued","error_code":null}`, len(g.form))
			}
		})
	}))
	mux.HandleFunc("GET /2010-04-01/Accounts/AC1.json", guard(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"sid":"AC1","status":%q}`, g.state)
	}))
	mux.HandleFunc("GET /v1/Content/{sid}", guard(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.SplitN(content[r.PathValue("sid")], " ", 3)
		if len(parts) < 3 {
			twilioError(w, 404, 20404, "The requested resource was not found")
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sid": r.PathValue("sid"), "language": parts[0], "types": map[string]any{"twilio/text": map[string]any{"body": parts[2]}}})
	}))
	mux.HandleFunc("GET /v1/Content/{sid}/ApprovalRequests", guard(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.SplitN(content[r.PathValue("sid")], " ", 3)
		fmt.Fprintf(w, `{"sid":%q,"whatsapp":{"name":"x","category":"UTILITY","status":%q}}`, r.PathValue("sid"), parts[1])
	}))
	return g
}

func twilioError(w http.ResponseWriter, status, code int, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "message": message, "more_info": fmt.Sprint("https://www.twilio.com/docs/errors/", code), "status": status})
}
