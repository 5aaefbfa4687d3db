package checkout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/pay/checkout/merchant"
)

// schemas is the part of OpenAPI 3.0.3 that the document uses, checked without a library. The build tag
// kinopenapi adds a check by kin-openapi.
type schemas struct{ doc map[string]any }

func loadSchemas(t testing.TB) schemas {
	t.Helper()
	var s schemas
	if err := json.Unmarshal(merchant.Document(), &s.doc); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s schemas) resolve(v any) map[string]any {
	m, _ := v.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		var at any = s.doc
		for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			at = at.(map[string]any)[part]
		}
		return s.resolve(at)
	}
	return m
}

// own checks an answer: status, content type and body are documented.
func own(t testing.TB, method, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	s := loadSchemas(t)
	path, _, _ = strings.Cut(path, "?")
	var operation map[string]any
	for template, item := range s.doc["paths"].(map[string]any) {
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(template), `\{id\}`, "[^/]+") + "$"
		if regexp.MustCompile(pattern).MatchString(path) {
			operation, _ = item.(map[string]any)[strings.ToLower(method)].(map[string]any)
		}
	}
	if operation == nil {
		t.Fatalf("%s %s is not documented", method, path)
	}
	response := s.resolve(operation["responses"].(map[string]any)[strconv.Itoa(w.Code)])
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	content, ok := response["content"].(map[string]any)
	if !ok || content[kind] == nil {
		t.Fatalf("%s %s: %d with %s is not documented", method, path, w.Code, kind)
	}
	dec := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if err := s.check(content[kind].(map[string]any)["schema"], v, ""); err != nil {
		t.Errorf("%s %s: answer %d: %v\n%s", method, path, w.Code, err, w.Body)
	}
}

func (s schemas) check(schema, v any, at string) error {
	m := s.resolve(schema)
	if v == nil {
		if m["nullable"] == true {
			return nil
		}
		return fmt.Errorf("%s: null", at)
	}
	for _, part := range list(m["allOf"]) {
		if err := s.check(part, v, at); err != nil {
			return err
		}
	}
	if enum := list(m["enum"]); enum != nil && !slices.Contains(enum, v) {
		return fmt.Errorf("%s: %v is none of %v", at, v, enum)
	}
	switch m["type"] {
	case "object":
		return s.object(m, v, at)
	case "array":
		items, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s: not an array", at)
		}
		for i, item := range items {
			if err := s.check(m["items"], item, fmt.Sprint(at, "/", i)); err != nil {
				return err
			}
		}
	case "string":
		text, ok := v.(string)
		if p, has := m["pattern"].(string); !ok || has && !regexp.MustCompile(p).MatchString(text) {
			return fmt.Errorf("%s: not such a text", at)
		}
		if _, err := time.Parse(time.RFC3339, text); m["format"] == "date-time" && err != nil {
			return fmt.Errorf("%s: not a time", at)
		}
	case "integer":
		n, ok := v.(json.Number)
		i, err := n.Int64()
		if least, has := m["minimum"].(float64); !ok || err != nil || has && i < int64(least) {
			return fmt.Errorf("%s: not such a number", at)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%s: not a boolean", at)
		}
	}
	return nil
}

func (s schemas) object(m map[string]any, v any, at string) error {
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: not an object", at)
	}
	props, _ := m["properties"].(map[string]any)
	for _, name := range list(m["required"]) {
		if _, ok := o[name.(string)]; !ok {
			return fmt.Errorf("%s: %v is missing", at, name)
		}
	}
	for name, value := range o {
		schema, known := props[name]
		if !known && m["additionalProperties"] == false {
			return fmt.Errorf("%s: %s is not documented", at, name)
		}
		if more, ok := m["additionalProperties"].(map[string]any); ok && !known {
			schema, known = more, true
		}
		if known {
			if err := s.check(schema, value, at+"/"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func list(v any) []any { l, _ := v.([]any); return l }
