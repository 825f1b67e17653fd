{{- define "kubesaga.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "kubesaga.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kubesaga.labels" -}}
{{ include "kubesaga.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "kubesaga.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (ternary (include "kubesaga.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- /* Just the verbs that the operator uses; a test compares them with the API server's audit log. */}}
{{- define "kubesaga.rules" -}}
- apiGroups: [kubesaga.dev]
  resources: [workflows]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [kubesaga.dev]
  resources: [workflows/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}
