{{/* Warnings about values that work but are not for production; for NOTES.txt. */}}
{{- define "evertoken.warnings" -}}
{{- if .Values.bundledRedis.enabled }}

WARNING: the bundled Redis is a single pod for trials. While it is away nothing is renewed. For production set
config.redis.url to a Redis with replicas and bundledRedis.enabled=false.
{{- if not .Values.bundledRedis.existingSecret }}
Its password is made anew wherever the chart is rendered without access to the cluster (Argo CD, helm template): set
bundledRedis.existingSecret there.
{{- end }}
{{- if include "evertoken.makesSealKey" . }}
So is the seal key: set sealKey.existingSecret there.
{{- end }}
{{- if not .Values.bundledRedis.persistence.enabled }}
Its data are lost with its pod (bundledRedis.persistence.enabled=false); the stores are asked again then.
{{- end }}
{{- end }}
{{- $replicas := include "evertoken.replicas" . | int }}
{{- if eq $replicas 0 }}

WARNING: no replicas: nothing is renewed.
{{- else if eq $replicas 1 }}

WARNING: a single replica: nothing is renewed while its node is drained. Two or more share the work.
{{- end }}
{{- if and .Values.config.allowUnsealed (not (or .Values.sealKey.existingSecret .Values.config.sealKey)) }}

WARNING: config.allowUnsealed: a token that cannot be published at once is minted again after a store's outage.
{{- end }}
{{- if hasPrefix "redis://" (dig "redis" "url" "" .Values.config) }}

WARNING: config.redis.url is redis://: the password and the ids of the credentials cross the network in the clear. Use rediss://.
{{- end }}
{{- range $name, $store := .Values.config.stores }}
{{- if eq $store.type "file" }}

WARNING: the store {{ $name }} keeps tokens in files of each pod, in {{ $store.dir }}, which needs a volume that all pods can write
(extraVolumes, extraVolumeMounts).
{{- end }}
{{- end }}
{{- if eq (dig "metrics" "perCredential" "off" .Values.config) "all" }}

WARNING: metrics per credential are on: their number grows with the fleet.
{{- end }}
{{- if ne .Values.metrics.renderMode "alwaysRender" }}
{{- $asked := dict "PodMonitor" .Values.metrics.podMonitor.enabled "ServiceMonitor" .Values.metrics.serviceMonitor.enabled "PrometheusRule" .Values.prometheusRule.enabled }}
{{- range $kind := keys $asked | sortAlpha }}
{{- if and (get $asked $kind) (not ($.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind))) }}

WARNING: the {{ $kind }} was left out: this cluster does not know the kind (monitoring.coreos.com/v1). Install the Prometheus
operator's CRDs and upgrade.
{{- end }}
{{- end }}
{{- if and .Values.metrics.podMonitoring.enabled (not (.Capabilities.APIVersions.Has "monitoring.googleapis.com/v1/PodMonitoring")) }}

WARNING: the PodMonitoring was left out: this cluster does not know the kind (monitoring.googleapis.com/v1).
{{- end }}
{{- end }}
{{- if not (or .Values.metrics.podMonitor.enabled .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitoring.enabled) }}

Nothing scrapes its metrics yet: see metrics.podMonitor and prometheusRule in the chart's values.
{{- end }}
{{- end -}}
