{{/* One rule of a NetworkPolicy, to peers ("to", none for any) at ports, by TCP unless "protocols" says otherwise. */}}
{{- define "namespace-operator.egress" -}}
{{- if not .ports }}
{{- fail "networkPolicy: ports must not be empty, or every port would be open" }}
{{- end }}
{{- $protocols := default (list "TCP") .protocols -}}
- ports:
    {{- range $port := .ports }}
    {{- range $protocols }}
    - port: {{ $port }}
      protocol: {{ . }}
    {{- end }}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
