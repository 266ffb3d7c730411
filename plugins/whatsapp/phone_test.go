package main

import "testing"

func TestE164(t *testing.T) {
	tests := []struct {
		typed, region string
		want          string // empty: no number
	}{
		{"(11) 98765-4321", "BR", "+5511987654321"},
		{"11 98765 4321", "BR", "+5511987654321"},
		{"+55 11 98765-4321", "BR", "+5511987654321"},
		{"+55 11 98765-4321", "PT", "+5511987654321"},
		{"011 98765-4321", "BR", "+5511987654321"},
		{"0 15 11 98765-4321", "BR", "+5511987654321"},
		{"5511987654321", "BR", "+5511987654321"},
		// Mobile numbers of the time before the ninth digit.
		{"11 8765-4321", "BR", "+5511987654321"},
		{"+5508587654321", "BR", "+5585987654321"},
		{"(85) 8765-4321", "BR", "+5585987654321"},
		{"51 6123-4567", "BR", "+5551961234567"},
		// A fixed line is a number too.
		{"85 3456-7890", "BR", "+558534567890"},
		{"+1 650-253-0000", "BR", "+16502530000"},
		{"912 345 678", "PT", "+351912345678"},
		{"(00) 00000-0000", "BR", ""}, {"99999", "BR", ""}, {"11 98765-4321 ramal 2", "BR", ""}, {"11 98765-4321 ext. 2", "BR", ""},
		{"11 98765-4321 / 11 98765-4322", "BR", ""}, {"", "BR", ""}, {"ask my wife", "BR", ""}, {"ana@example.com", "BR", ""},
	}
	for _, tt := range tests {
		got, err := e164(tt.typed, tt.region, true)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("e164 of %q in %s = %q, %v, want %q", tt.typed, tt.region, got, err, tt.want)
		}
	}
	if got, err := e164("11 8765-4321", "BR", false); err == nil {
		t.Errorf("with fix_br_ninth_digit: false the ninth digit was added: %s", got)
	}
}

func TestMask(t *testing.T) {
	for number, want := range map[string]string{
		"+5511987654321": "+55119****4321", "(19) 95550-0142": "+1995****0142", "+4930123456": "+493****3456",
		"12345678": "+1****5678", "1234567": "****", "": "****", "no digits": "****",
	} {
		if got := mask(number); got != want {
			t.Errorf("mask of %q = %q, want %q", number, got, want)
		}
	}
	const said = "to +5511987654321 or (19) 95550-0142, error 131026, 24 hours"
	if got, want := maskNumbers(said), "to +55119****4321 or (+1995****0142, error 131026, 24 hours"; got != want {
		t.Errorf("maskNumbers = %q, want %q", got, want)
	}
}

func TestSquash(t *testing.T) {
	long := make([]rune, 300)
	for i := range long {
		long[i] = 'ã'
	}
	tests := []struct{ name, in, want string }{
		{"lines", " Ana\r\n\tMaria      Lima ", "Ana Maria Lima"},
		{"no-break space and line separator", "Ana\u00a0\u2028Lima", "Ana Lima"},
		{"control and direction", "A\x00na\u202e \u2066Lima\u2069", "Ana Lima"},
		{"emoji with a joiner", "👩\u200d🎨", "👩\u200d🎨"},
		{"long", string(long), string(long[:249]) + "…"},
		{"template marks stay text", "{{.Hash}}", "{{.Hash}}"},
	}
	for _, tt := range tests {
		if got := squash(tt.in); got != tt.want {
			t.Errorf("%s: squash = %q, want %q", tt.name, got, tt.want)
		}
	}
}
