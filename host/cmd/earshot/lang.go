package main

import (
	"fmt"
	"os"
	"strings"
)

// language returns what people are spoken to in: "en" or "pt-BR". Without a
// wish the environment decides, as for every program.
func (c *cli) language() string {
	wish := c.lang
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if wish == "" {
			wish = os.Getenv(name)
		}
	}
	if strings.HasPrefix(strings.ToLower(wish), "pt") {
		return "pt-BR"
	}
	return "en"
}

// checkLang refuses a --lang that there is no catalogue of.
func (c *cli) checkLang() error {
	switch c.lang {
	case "", "en", "pt-BR", "pt":
		return nil
	}
	return usage(fmt.Errorf("--lang %s is not known; use en or pt-BR", c.lang))
}

// say returns a message in the language of the reader. What a program reads,
// JSON and names, is never translated.
func (c *cli) say(msg string) string {
	if c.language() == "pt-BR" {
		if translated, ok := portuguese[msg]; ok {
			return translated
		}
	}
	return msg
}

// header translates the columns of a table.
func (c *cli) header(columns string) string {
	words := strings.Fields(columns)
	for i, w := range words {
		words[i] = c.say(w)
	}
	return strings.Join(words, " ")
}

// portuguese is what is said in Brazilian Portuguese, by the English.
var portuguese = map[string]string{
	"EVENT": "EVENTO", "STATUS": "STATUS", "ATTEMPTS": "TENTATIVAS", "CREATED": "CRIADO", "ERROR": "ERRO",
	"STATE": "ESTADO", "DUE": "PRÓXIMA", "FINISHED": "TERMINADO", "RECEIPTS": "AVISADOS",
	"ATTEMPT": "TENTATIVA", "OUTCOME": "RESULTADO", "WHEN": "QUANDO", "HOST": "HOST", "EVENTS": "EVENTOS",
	"WAITING": "ESPERANDO", "RUNNING": "EM_CURSO", "DEAD": "DESISTIDOS", "LAST_DELIVERED": "ÚLTIMA_ENTREGA", "WHY": "MOTIVO",
	"VALUE": "VALOR",

	"Event": "Evento", "created": "criado", "scheduled": "agendado", "processed": "processado", "payload %d bytes": "conteúdo de %d bytes",
	"event %d has this key already, nothing was put in the queue": "o evento %d já tem esta chave, nada foi posto na fila",
	"the host cannot work like this":                              "o host não pode funcionar assim",
	"paused events":                                               "eventos em pausa",
	"event is paused":                                             "evento em pausa",
	"nobody has been told yet":                                    "ninguém foi avisado ainda",
	"running on":                                                  "em curso em", "%s ago": "há %s", "in %s": "em %s",
	"%d of %s events":                                      "%d de %s eventos",
	"%s events match. The first of them:":                  "%s eventos correspondem. Os primeiros:",
	"%s events match, nothing was done":                    "%s eventos correspondem, nada foi feito",
	"%d of %d events are sent again":                       "%d de %d eventos serão enviados de novo",
	"%d of %d events discarded":                            "%d de %d eventos descartados",
	"Send these %s events again?":                          "Enviar de novo estes %s eventos?",
	"Give up these %s events for good?":                    "Desistir de vez destes %s eventos?",
	"%d deliveries are being made right now and were left": "%d entregas estão em curso agora e foram mantidas",
	"pending":               "pendentes",
	"due now":               "prontos agora",
	"scheduled for later":   "agendados para depois",
	"oldest due":            "mais antigo pronto",
	"processing":            "em processamento",
	"failed":                "falhos",
	"Delete these events?":  "Apagar estes eventos?",
	"%d events deleted":     "%d eventos apagados",
	"%d payloads emptied":   "%d conteúdos esvaziados",
	"%s is paused":          "%s está em pausa",
	"%s was paused already": "%s já estava em pausa",
	"%s goes on":            "%s continua",
	"%s was not held back":  "%s não estava parado",
}
