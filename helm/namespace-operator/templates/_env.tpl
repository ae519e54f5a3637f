{{/* The operator's settings by the value that sets them; the secrets are files. */}}
{{- define "namespace-operator.env" -}}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: NAMESPACE_OPERATOR_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: NAMESPACE_OPERATOR_POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: NAMESPACE_OPERATOR_HEALTH_HOST
  value: $(POD_IP)
- name: NAMESPACE_OPERATOR_HEALTH_PORT
  value: "8080"
- name: NAMESPACE_OPERATOR_QDRANT_URL
  value: {{ .Values.qdrant.url | quote }}
- name: NAMESPACE_OPERATOR_QDRANT_TIMEOUT_SECONDS
  value: {{ .Values.qdrant.timeoutSeconds | quote }}
- name: NAMESPACE_OPERATOR_MONGODB_DATABASE
  value: {{ .Values.mongodb.database | quote }}
- name: NAMESPACE_OPERATOR_MONGODB_TIMEOUT_SECONDS
  value: {{ .Values.mongodb.timeoutSeconds | quote }}
- name: NAMESPACE_OPERATOR_DELETE_DEPENDENTS
  value: {{ .Values.mongodb.deleteDependents | toJson | quote }}
- name: NAMESPACE_OPERATOR_CATALOG_PATH
  value: /etc/namespace-operator/catalog/catalog.yaml
- name: NAMESPACE_OPERATOR_TIERS_PATH
  value: /etc/namespace-operator/tiers/tiers.yaml
- name: NAMESPACE_OPERATOR_RAY_PATH
  value: /etc/namespace-operator/ray/ray.yaml
- name: NAMESPACE_OPERATOR_ALLOWED_ENDPOINTS
  value: {{ .Values.allowedEndpoints | toJson | quote }}
# Where the two secrets are, in the release's namespace: they are watched, so that a changed one counts at once.
- name: NAMESPACE_OPERATOR_MONGODB_URI_SECRET
  value: {{ printf "%s/%s" .Values.mongodb.uriSecretRef.name .Values.mongodb.uriSecretRef.key | quote }}
{{- with .Values.qdrant.apiKeySecretRef }}
{{- if .name }}
- name: NAMESPACE_OPERATOR_QDRANT_API_KEY_SECRET
  value: {{ printf "%s/%s" .name .key | quote }}
{{- end }}
{{- end }}
- name: NAMESPACE_OPERATOR_GUARDED
  value: {{ or .Values.admissionPolicies.enabled .Values.admissionPolicies.enforcedElsewhere | quote }}
- name: NAMESPACE_OPERATOR_AUTO_INDEX_INTERVAL_SECONDS
  value: {{ .Values.autoIndexes.intervalSeconds | quote }}
- name: NAMESPACE_OPERATOR_AUTO_INDEX_UNUSED_SECONDS
  value: {{ .Values.autoIndexes.unusedSeconds | quote }}
- name: NAMESPACE_OPERATOR_LEASE_NAME
  value: {{ include "namespace-operator.fullname" . | quote }}
{{- with .Values.lease }}
- name: NAMESPACE_OPERATOR_LEASE_DURATION_SECONDS
  value: {{ .durationSeconds | quote }}
- name: NAMESPACE_OPERATOR_LEASE_RENEW_DEADLINE_SECONDS
  value: {{ .renewDeadlineSeconds | quote }}
- name: NAMESPACE_OPERATOR_LEASE_RETRY_SECONDS
  value: {{ .retrySeconds | quote }}
{{- if not (and (lt (float64 .retrySeconds) (float64 .renewDeadlineSeconds)) (lt (float64 .renewDeadlineSeconds) (float64 .durationSeconds))) }}
{{- fail "lease: retrySeconds must be less than renewDeadlineSeconds, and that less than durationSeconds" }}
{{- end }}
{{- end }}
{{- with .Values.operator }}
- name: NAMESPACE_OPERATOR_INSTANCE_NAME
  value: {{ .instanceName | quote }}
{{- with .instanceId }}
- name: NAMESPACE_OPERATOR_INSTANCE_ID
  value: {{ . | quote }}
{{- end }}
- name: NAMESPACE_OPERATOR_WATCH_NAMESPACES
  value: {{ .watchNamespaces | toJson | quote }}
- name: NAMESPACE_OPERATOR_WORKERS
  value: {{ .workers | quote }}
- name: NAMESPACE_OPERATOR_RESYNC_INTERVAL_SECONDS
  value: {{ .resyncIntervalSeconds | quote }}
- name: NAMESPACE_OPERATOR_SWEEP_INTERVAL_SECONDS
  value: {{ .sweepIntervalSeconds | quote }}
{{- with .tombstoneSeconds }}
- name: NAMESPACE_OPERATOR_TOMBSTONE_SECONDS
  value: {{ . | quote }}
{{- end }}
- name: NAMESPACE_OPERATOR_EXPIRY_MEMORY_SECONDS
  value: {{ .expiryMemorySeconds | quote }}
- name: NAMESPACE_OPERATOR_LOG_LEVEL
  value: {{ .logLevel }}
- name: NAMESPACE_OPERATOR_LOG_FORMAT
  value: {{ .logFormat }}
{{- range .extraEnv }}
{{- if or (eq .name "POD_IP") (hasPrefix "NAMESPACE_OPERATOR_" .name) }}
{{- fail (printf "operator.extraEnv must not set %s: the chart does; use the value that stands for it" .name) }}
{{- end }}
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}
