package e2e

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// easyTable is the queue as the PHP application's migration makes it: three
// indexes of one column each, TEXT for the payload, whole seconds.
const easyTable = `CREATE TABLE ea_event_queue (
  id int(11) NOT NULL AUTO_INCREMENT,
  event_name varchar(100) NOT NULL,
  payload text NOT NULL,
  status enum('pending','processing','processed','failed') NOT NULL DEFAULT 'pending',
  attempts int(11) NOT NULL DEFAULT 0,
  max_attempts int(11) NOT NULL DEFAULT 3,
  error_message text DEFAULT NULL,
  scheduled_at datetime DEFAULT NULL,
  processed_at datetime DEFAULT NULL,
  create_datetime datetime DEFAULT NULL,
  update_datetime datetime DEFAULT NULL,
  PRIMARY KEY (id),
  KEY status (status),
  KEY event_name (event_name),
  KEY scheduled_at (scheduled_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci`

// payload reads one of the payloads that the demo carries.
func payload(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../cmd/earshot/demo", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// enqueue inserts as the PHP application does: without strict mode, with its
// own clock, in whole seconds.
func enqueue(t *testing.T, app *sql.DB, name, payload string) int64 {
	t.Helper()
	conn, err := app.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "SET SESSION sql_mode = ''"); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Format(time.DateTime)
	res, err := conn.ExecContext(t.Context(), `INSERT INTO ea_event_queue (event_name, payload, status, attempts, max_attempts, scheduled_at, create_datetime, update_datetime)
		VALUES (?, ?, 'pending', 0, 3, NULL, ?, ?)`, name, payload, now, now)
	if err != nil {
		t.Fatalf("insert as the application does: %v", err)
	}
	id, err := res.LastInsertId()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func tableShape(t *testing.T, db *sql.DB) string {
	t.Helper()
	var name, ddl string
	if err := db.QueryRow("SHOW CREATE TABLE ea_event_queue").Scan(&name, &ddl); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(` AUTO_INCREMENT=\d+`).ReplaceAllString(ddl, "")
}

func TestEasyAppointmentsQueue(t *testing.T) {
	for name, mode := range map[string]string{
		"strict":     "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
		"not strict": "''",
	} {
		t.Run(name, func(t *testing.T) {
			db := testdb.MySQL(t)
			app := db.Open(t)
			if _, err := app.Exec(easyTable); err != nil {
				t.Fatal(err)
			}
			before := tableShape(t, app)
			db.DSN += "?sql_mode=" + url.QueryEscape(mode)
			drainEasyAppointments(t, adopt(t, db, "ea_event_queue"), app)
			if after := tableShape(t, app); after != before {
				t.Errorf("the application's table was changed:\n%s", after)
			}
		})
	}
}

func drainEasyAppointments(t *testing.T, h *host, app *sql.DB) {
	server := startMailpit(t)
	h.mustRun("migrate", "up")
	h.events(fmt.Sprintf(`listeners:
  email:
    plugin: email
    config: %s
events:
  appointment.saved: [email]
  appointment.updated: [email]
  appointment.deleted: [email]
`, server.config(h)))
	var ids []int64
	for _, name := range []string{"appointment.saved", "appointment.updated", "appointment.deleted"} {
		ids = append(ids, enqueue(t, app, name, payload(t, name)))
	}
	// Notes that filled the column: MySQL cut the JSON without a word.
	cut := enqueue(t, app, "appointment.saved", strings.Replace(payload(t, "appointment.saved"), "Primeira vez", strings.Repeat("é", 40_000), 1))

	if out := h.mustRun("process_events", "20"); out != "" {
		t.Errorf("process_events printed %q; cron would mail that", out)
	}
	for _, id := range ids {
		if status, reason := h.event(id); status != "processed" || reason != "" {
			t.Errorf("event %d is %s %q, want processed", id, status, reason)
		}
	}
	if n := h.count("SELECT COUNT(*) FROM ea_event_queue WHERE id <> ? AND processed_at IS NULL", cut); n != 0 {
		t.Errorf("%d processed events have no processed_at", n)
	}
	if status, reason := h.event(cut); status != "failed" || !strings.Contains(reason, "cut off at 6553") {
		t.Errorf("the cut payload is %s %q, want failed, saying that it was cut", status, reason)
	}
	checkMails(t, server)
}

// checkMails holds the mails against what the PHP application sends: nobody
// who was told before goes without, and nothing that was in a mail is missing.
func checkMails(t *testing.T, server *mailpit) {
	mails := server.mails()
	const (
		customer = "joao.davila@correio.example"
		provider = "marcia.lima@studio-aurora.example"
		staff    = "recepcao@studio-aurora.example"
		abroad   = "lucja@correio.example"
	)
	details := []string{
		"Limpeza de pele / hidratação", "Márcia Queiroz Lima", "14:15", "15:00", "27 de janeiro de 2026", "America/Sao Paulo (UTC", "Agendado",
		"Chegar 10 min antes & sem maquiagem.", "Rua das Acácias, 210 - sala 4", `Prefiro silêncio "total"`, "Primeira vez 😊",
		"João Otávio D'Ávila", customer, "(19) 95550-0142", "Av. Brasil, 1500 <apto 31>", "Studio Aurora", "https://studio-aurora.example",
	}
	tests := []struct {
		to, subject string
		method      string // of the calendar file
		text        []string
		without     []string
	}{
		{customer, "Seu horário está marcado", "REQUEST", append(details, "https://agenda.example.com/index.php/booking/reschedule/q7WmT2xZr0Ka"), nil},
		{provider, "Novo agendamento", "PUBLISH", append(details, "https://agenda.example.com/index.php/calendar/reschedule/q7WmT2xZr0Ka"), []string{"booking/reschedule"}},
		{staff, "Novo agendamento", "PUBLISH", details, []string{"booking/reschedule"}},
		// Booked in São Paulo at 23:30, read in Manaus an hour earlier, in English.
		{abroad, "Appointment changed", "REQUEST", []string{"2026-02-02", "10:30 pm", "America/Manaus", "Confirmed", "Fisioterapia", "Ricardo Sá"}, nil},
		{customer, "Agendamento cancelado", "CANCEL", []string{"Imprevisto no trabalho 😞 / remarco depois.", "28 de janeiro de 2026", "09:30"}, []string{"reschedule"}},
		{provider, "Agendamento cancelado", "CANCEL", []string{"Imprevisto no trabalho 😞 / remarco depois."}, []string{"reschedule"}},
	}
	for _, tt := range tests {
		t.Run(tt.to+" "+tt.subject, func(t *testing.T) {
			m := find(t, mails, tt.to, tt.subject)
			for _, want := range tt.text {
				if !strings.Contains(unfolded(m.Text), want) {
					t.Errorf("the mail's text lacks %q:\n%s", want, m.Text)
				}
			}
			for _, not := range tt.without {
				if strings.Contains(m.Text, not) {
					t.Errorf("the mail's text has %q, which is not for this reader", not)
				}
			}
			checkCalendar(t, server, m, tt.method)
		})
	}
	booked := find(t, mails, customer, "Seu horário")
	if !strings.Contains(booked.HTML, "#6b3fa0") {
		t.Error("the HTML lacks the company's colour")
	}
	if strings.Contains(booked.HTML, "<apto 31>") {
		t.Error("what the customer typed is in the HTML without being escaped")
	}
	if n, distinct := len(mails), len(messageIDs(mails)); n != distinct {
		t.Errorf("%d mails with %d different Message-IDs", n, distinct)
	}
	secrets := []string{"google_token", "ya29", "caldav"}
	for _, m := range mails {
		raw := server.fetch("message/" + m.ID + "/raw")
		for _, s := range secrets {
			if strings.Contains(raw, s) {
				t.Errorf("a mail has the provider's %s", s)
			}
		}
	}
}

// checkCalendar wants the invitation in the calendar's words, with the UID that
// the application uses, so that calendars change their entry and add no second.
func checkCalendar(t *testing.T, server *mailpit, m mail, method string) {
	t.Helper()
	for _, a := range m.Attachments {
		if !strings.HasSuffix(a.FileName, ".ics") {
			continue
		}
		ics := server.part(m, a.PartID)
		for _, want := range []string{"BEGIN:VCALENDAR", "METHOD:" + method, "UID:ea-", "DTSTART", "END:VCALENDAR"} {
			if !strings.Contains(ics, want) {
				t.Errorf("%s lacks %s:\n%s", a.FileName, want, ics)
			}
		}
		return
	}
	t.Errorf("the mail has no calendar file; its attachments are %v", m.Attachments)
}

func messageIDs(mails []mail) map[string]bool {
	out := make(map[string]bool)
	for _, m := range mails {
		out[m.MessageID] = true
	}
	return out
}

// unfolded takes the indent off continued lines and the CR off all.
func unfolded(text string) string { return strings.ReplaceAll(text, "\r", "") }
