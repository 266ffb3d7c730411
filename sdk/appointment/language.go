package appointment

import "strings"

// LanguageTag turns the application's name of a language ("portuguese-br")
// into its BCP 47 tag ("pt-BR"). It is empty for a name that it does not know.
func LanguageTag(folder string) string {
	// The names are the application's own; most are English names of languages.
	tags := map[string]string{
		"albanian":            "sq",
		"arabic":              "ar",
		"bosnian":             "bs",
		"bulgarian":           "bg",
		"catalan":             "ca",
		"chinese":             "zh",
		"croatian":            "hr",
		"czech":               "cs",
		"danish":              "da",
		"dutch":               "nl",
		"english":             "en",
		"estonian":            "et",
		"finnish":             "fi",
		"french":              "fr",
		"german":              "de",
		"greek":               "el",
		"hebrew":              "he",
		"hindi":               "hi",
		"hungarian":           "hu",
		"italian":             "it",
		"japanese":            "ja",
		"latvian":             "lv",
		"lithuanian":          "lt",
		"luxembourgish":       "lb",
		"marathi":             "mr",
		"norwegian":           "no",
		"persian":             "fa",
		"polish":              "pl",
		"portuguese":          "pt",
		"portuguese-br":       "pt-BR",
		"romanian":            "ro",
		"russian":             "ru",
		"serbian":             "sr",
		"slovak":              "sk",
		"slovenian":           "sl",
		"spanish":             "es",
		"swedish":             "sv",
		"thai":                "th",
		"traditional-chinese": "zh-TW",
		"turkish":             "tr",
		"ukrainian":           "uk",
		"vietnamese":          "vi",
	}
	return tags[strings.ToLower(strings.TrimSpace(folder))]
}
