{{- define "rollout.name" -}}
{{ .Values.nameOverride | default .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rollout.account" -}}
{{ .Values.serviceAccount.name | default (include "rollout.name" .) }}
{{- end }}

{{- define "rollout.selector" -}}
app.kubernetes.io/name: rollout
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rollout.labels" -}}
{{ include "rollout.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "rollout.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "rollout.policy" -}}
{{ toYaml .Values.policy }}
{{ end }}

{{/* What no value alone is wrong with, said in a sentence. */}}
{{- define "rollout.check" -}}
{{- with .Values }}
{{- if not (or .serviceAccount.create .serviceAccount.name) }}
{{- fail "serviceAccount.name: is empty and serviceAccount.create is false; name an account that is there" }}
{{- end }}
{{- if and .monitoring.podMonitor.enabled .monitoring.serviceMonitor.enabled }}
{{- fail "monitoring.serviceMonitor.enabled: monitoring.podMonitor.enabled is true, too, and each pod would be counted twice; want one of them" }}
{{- end }}
{{- range $name, $text := .policy.signers }}
{{- if not (or (contains "BEGIN PGP PUBLIC KEY BLOCK" $text) (regexMatch "(?m)^[^#\\s]\\S* +\\S+ +\\S+" $text)) }}
{{- fail (printf "policy.signers.%s: is no list of keys; want `who keytype key` lines, or OpenPGP public keys" $name) }}
{{- end }}
{{- end }}
{{- range $name, $verify := .policy.verify }}
{{- if not (regexMatch "^(\\*|[^/\\s]+/[^/\\s]+)$" $name) }}
{{- fail (printf "policy.verify.%s: is no source; namespace/name or * is wanted" $name) }}
{{- end }}
{{- range $signer := $verify.signers }}
{{- if not (hasKey ($.Values.policy.signers | default dict) $signer) }}
{{- fail (printf "policy.verify.%s: names %q; a name of policy.signers is wanted" $name $signer) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $_ := .policy.abroad }}
{{- if not (regexMatch "^[^/\\s]+/[^/\\s]+$" $name) }}
{{- fail (printf "policy.abroad.%s: is no source; namespace/name is wanted" $name) }}
{{- end }}
{{- end }}
{{- range $name, $_ := .policy.manifests }}
{{- if not (regexMatch "^(\\*|[^/\\s]+/[^/\\s]+)$" $name) }}
{{- fail (printf "policy.manifests.%s: is no source; namespace/name or * is wanted" $name) }}
{{- end }}
{{- end }}
{{- $slack := .policy.slack | default dict }}
{{- range $name := list "botToken" "appToken" "signingSecret" }}
{{- $file := get $slack $name | default "" }}
{{- if and (hasPrefix "/var/run/secrets/rollout.dev/slack/" $file) (not $.Values.slackSecret) }}
{{- fail (printf "policy.slack.%s: names a file of the Secret slackSecret, which is empty; name the Secret" $name) }}
{{- end }}
{{- end }}
{{- $push := (.policy.push | default dict).secret | default "" }}
{{- if and .pushSecret (ne $push "/var/run/secrets/rollout.dev/push/secret") }}
{{- fail "pushSecret: is mounted and not read; want policy.push.secret: /var/run/secrets/rollout.dev/push/secret" }}
{{- end }}
{{- $oidc := dig "page" "oidc" dict .policy | default dict }}
{{- range $name := list "clientSecret" "ca" }}
{{- $file := get $oidc $name | default "" }}
{{- if and (hasPrefix "/var/run/secrets/rollout.dev/oidc/" $file) (not $.Values.oidcSecret) }}
{{- fail (printf "policy.page.oidc.%s: names a file of the Secret oidcSecret, which is empty; name the Secret" $name) }}
{{- end }}
{{- end }}
{{- if and .rights.pushes (not .rights.sources) }}
{{- fail "rights.pushes: is of no use without rights.sources; want both, or set it to false" }}
{{- end }}
{{- if and .rights.manifests (not .rights.sources) }}
{{- fail "rights.manifests: is of no use without rights.sources; want both" }}
{{- end }}
{{- if and .settings.namespace (eq .settings.namespace $.Release.Namespace) }}
{{- fail (printf "settings.namespace: %q is the release's own namespace; want the namespace of the teams' Rollouts, so that their Secrets and ours stay apart" .settings.namespace) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The rules of the needs that are granted; `part`: all, inside or outside. */}}
{{- define "rollout.rules" -}}
{{- $rules := list }}
{{- $asked := dict "rollouts" true }}
{{- range $need, $granted := .root.Values.rights }}
{{- if and $granted (ne $need "upgrades") }}{{ $_ := set $asked $need true }}{{ end }}
{{- end }}
{{- range $need := keys $asked | sortAlpha }}
{{- $parts := $.root.Files.Get (printf "files/rights/%s.yaml" $need) | fromYaml }}
{{- $rules = concat $rules (get $parts $.part) }}
{{- end }}
{{- toYaml $rules }}
{{- end }}
