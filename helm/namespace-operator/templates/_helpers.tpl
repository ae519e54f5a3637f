{{- define "namespace-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Shorter than 63 characters, so that what is appended to it still makes a valid name. */}}
{{- define "namespace-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- $name = .Values.fullnameOverride }}
{{- else if not (contains $name .Release.Name) }}
{{- $name = printf "%s-%s" .Release.Name $name }}
{{- else }}
{{- $name = .Release.Name }}
{{- end }}
{{- $name | trunc 54 | trimSuffix "-" }}
{{- end }}

{{- define "namespace-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "namespace-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "namespace-operator.labels" -}}
{{ include "namespace-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "namespace-operator.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* "true" where an operator is installed that knows no Lease, as those before it: it would write beside the new one. */}}
{{- define "namespace-operator.upgradesLoner" -}}
{{- with lookup "apps/v1" "Deployment" .Release.Namespace (include "namespace-operator.fullname" .) }}
{{- $variables := list }}
{{- range (first .spec.template.spec.containers).env }}
{{- $variables = append $variables .name }}
{{- end }}
{{- not (has "NAMESPACE_OPERATOR_LEASE_NAME" $variables) }}
{{- end }}
{{- end }}

{{/* Never the namespace's default account: every Pod that names none would get the operator's rights. */}}
{{- define "namespace-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "namespace-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is required when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Checked here, so that a mistake stops the installation and not the operator. */}}
{{- define "namespace-operator.catalog" -}}
{{- $catalog := default (.Files.Get "files/catalog.yaml") .Values.catalog }}
{{- if not $catalog }}
{{- fail "the chart has no files/catalog.yaml: it was packaged without `make generate`; run that, or set catalog" }}
{{- end }}
{{- $parsed := fromYaml $catalog }}
{{- with $parsed.Error }}
{{- fail (printf "catalog is not valid YAML: %s" .) }}
{{- end }}
{{- if not (kindIs "slice" $parsed.extractors) }}
{{- fail "catalog has no list of extractors" }}
{{- end }}
{{- $seen := dict }}
{{- range $index, $extractor := $parsed.extractors }}
{{- $entry := kindIs "map" $extractor | ternary $extractor dict }}
{{- range list (list "name" "^[a-z][a-z0-9_]*$" 64) (list "version" "^v[0-9]+$" 16) }}
{{- $value := get $entry (index . 0) }}
{{- if not (and (kindIs "string" $value) (regexMatch (index . 1) (toString $value)) (le (len (toString $value)) (index . 2))) }}
{{- fail (printf "catalog: extractors[%d].%s must match %s and have at most %d characters" $index (index . 0) (index . 1) (index . 2)) }}
{{- end }}
{{- end }}
{{- $id := printf "%s_%s" $entry.name $entry.version }}
{{- if hasKey $seen $id }}
{{- fail (printf "catalog: extractors[%d]: extractor %s is listed twice" $index $id) }}
{{- end }}
{{- $_ := set $seen $id true }}
{{- end }}
{{- $catalog }}
{{- end }}

{{/* For every Kubernetes namespace, or for each watched one: an event that is refused while one goes is no loss. */}}
{{- define "namespace-operator.eventRules" -}}
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* RayClusters are beside the Namespaces that own them. */}}
{{- define "namespace-operator.rayRules" -}}
- apiGroups: [ray.io]
  resources: [rayclusters]
  verbs: [get, create, patch, delete]
{{- end }}

{{/* Only what expired is deleted, see docs/expiry.md; nothing does in a Kubernetes namespace that goes itself. */}}
{{- define "namespace-operator.expiryRules" -}}
- apiGroups: [mixpeek.com]
  resources: [mixpeeknamespaces]
  verbs: [delete]
{{- end }}

{{/* The Secrets that may be read, by Kubernetes namespace: a list of names, or "*" for all. */}}
{{- define "namespace-operator.readableSecrets" -}}
{{- $own := list .Values.mongodb.uriSecretRef.name }}
{{- with .Values.qdrant.apiKeySecretRef.name }}
{{- $own = append $own . }}
{{- end }}
{{- $readable := dict .Release.Namespace $own }}
{{- range .Values.secretAccess.secrets }}
{{- $_ := set $readable .namespace (concat (get $readable .namespace | default list) .names) }}
{{- end }}
{{- range .Values.secretAccess.namespaces }}
{{- $_ := set $readable . (list "*") }}
{{- end }}
{{- range $namespace, $names := $readable }}
{{- $_ := set $readable $namespace ($names | uniq | sortAlpha) }}
{{- end }}
{{- toYaml $readable }}
{{- end }}

{{/* The binding of the validating policy of this name, open at the end of its spec. */}}
{{- define "namespace-operator.validatingBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "namespace-operator.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [{{ .action }}]
{{- end }}

{{/* The ids of the catalog's extractors, sorted, as JSON. Their patterns let nothing pass that has to be escaped. */}}
{{- define "namespace-operator.extractorIds" -}}
{{- $ids := dict }}
{{- range (include "namespace-operator.catalog" . | fromYaml).extractors }}
{{- $_ := set $ids (printf "%s_%s" .name .version) true }}
{{- end }}
{{- keys $ids | sortAlpha | toJson }}
{{- end }}

{{/* For admission policies: only where this operator works. Another release may work elsewhere, with another catalog. */}}
{{- define "namespace-operator.watchedCondition" -}}
{{- with .Values.operator.watchNamespaces }}
- name: watched
  expression: {{ printf "request.namespace in %s" (toJson .) | quote }}
{{- end }}
{{- end }}

{{/* Where `helm test` makes its Namespace: somewhere the operator watches. */}}
{{- define "namespace-operator.selfTestNamespace" -}}
{{- $watched := .Values.operator.watchNamespaces }}
{{- $namespace := default (default .Release.Namespace (first $watched)) .Values.selfTest.namespace }}
{{- if and $watched (not (has $namespace $watched)) }}
{{- fail (printf "selfTest.namespace %s is not among operator.watchNamespaces: nobody would look after it" $namespace) }}
{{- end }}
{{- $namespace }}
{{- end }}
