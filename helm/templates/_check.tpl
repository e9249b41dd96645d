{{/* Checks that the schema cannot express. All problems are reported at once. */}}

{{- define "evertoken.check" -}}
{{- $problems := list -}}
{{- range tuple "evertoken.checkRedis" "evertoken.checkConfig" "evertoken.checkAvailability" "evertoken.checkMonitoring" "evertoken.checkHooks" -}}
{{- range splitList "\n" (include . $) -}}
{{- with trim . }}{{ $problems = append $problems (printf "  * %s" .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "these values cannot work:\n\n%s\n" (join "\n" $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "evertoken.checkRedis" -}}
{{- $redis := default dict .Values.config.redis -}}
{{- if and .Values.config.redis .Values.bundledRedis.enabled }}
config.redis and bundledRedis.enabled: both say which Redis to use; take one of them out
{{- end }}
{{- if not (or .Values.config.redis .Values.bundledRedis.enabled) }}
no Redis: set config.redis.url to yours (rediss://HOST:PORT), or bundledRedis.enabled=true to try it out with one that is not highly available
{{- end }}
{{- if and .Values.config.redis (not (or .Values.sealKey.existingSecret .Values.config.sealKey .Values.config.allowUnsealed)) }}
no seal key: an outage of a store would mint each token again; {{ printf "kubectl -n %s create secret generic evertoken-seal-key --from-literal=seal-key=\"$(openssl rand -base64 32)\"" (include "evertoken.namespace" .) }} and set sealKey.existingSecret=evertoken-seal-key, or config.allowUnsealed=true to go without
{{- end }}
{{- $ways := pick $redis "url" "sentinel" "cluster" | keys | sortAlpha }}
{{- if and .Values.config.redis (ne (len $ways) 1) }}
config.redis: set exactly one of url, sentinel and cluster{{ if $ways }}, not {{ join " and " $ways }}{{ end }}
{{- end }}
{{- if and .Values.redis.existingSecret .Values.bundledRedis.enabled }}
redis.existingSecret is for a Redis of your own; the bundled one's is bundledRedis.existingSecret
{{- end }}
{{- if regexMatch "^[a-z]+://[^/@]*:[^/@]+@" (default "" $redis.url) }}
config.redis.url holds a password, which would stand in a ConfigMap: put it into a Secret and name that in redis.existingSecret
{{- end }}
{{- if .Values.redis.existingSecret }}
{{- if and .Values.redis.passwordKey $redis.password }}
config.redis.password and redis.existingSecret both say where the password is; take one of them out (redis.passwordKey="" keeps the Secret for its other keys)
{{- end }}
{{- if and .Values.redis.caKey (default dict $redis.tls).caFile }}
config.redis.tls.caFile and redis.caKey both say where the CA certificate is; take one of them out
{{- end }}
{{- if and .Values.redis.sentinelPasswordKey (default dict $redis.sentinel).password }}
config.redis.sentinel.password and redis.sentinelPasswordKey both say where the Sentinels' password is; take one of them out
{{- end }}
{{- if and .Values.redis.sentinelPasswordKey (not $redis.sentinel) }}
redis.sentinelPasswordKey is set, but config.redis.sentinel is not
{{- end }}
{{- else if or .Values.redis.caKey .Values.redis.sentinelPasswordKey }}
redis.caKey and redis.sentinelPasswordKey are keys of redis.existingSecret, which is empty
{{- end }}
{{- end -}}

{{- define "evertoken.checkConfig" -}}
{{- if hasKey (default dict .Values.config.http) "listen" }}
config.http.listen is set by the chart, to :9464, which its probes and monitors expect; take it out
{{- end }}
{{- if hasKey .Values.config "dataDir" }}
config.dataDir is for the embedded Redis of a single machine; take it out
{{- end }}
{{- if and .Values.sealKey.existingSecret .Values.config.sealKey }}
config.sealKey and sealKey.existingSecret both say where the seal key is; take one of them out
{{- end }}
{{- range .Values.fleets.configMaps }}
{{- if has . $.Values.fleets.secrets }}
fleets: {{ . }} is the name of a ConfigMap and of a Secret, and both would be the folder /etc/evertoken-fleets/{{ . }}; rename one of them
{{- end }}
{{- end }}
{{- end -}}

{{- define "evertoken.checkAvailability" -}}
{{- $drain := dig "shutdown" "drainTimeout" "60s" .Values.config -}}
{{- $seconds := include "evertoken.seconds" $drain | int64 -}}
{{- $needed := add $seconds 15 -}}
{{- if lt (int64 .Values.terminationGracePeriodSeconds) $needed }}
terminationGracePeriodSeconds is {{ int64 .Values.terminationGracePeriodSeconds }}, but config.shutdown.drainTimeout ({{ $drain }}) = {{ $seconds }} s, and 15 s to close Redis and write the last lines, make {{ $needed }}; set it to at least that
{{- end }}
{{- $replicas := include "evertoken.replicas" . | int -}}
{{- if and (eq (toString .Values.podDisruptionBudget.enabled) "true") (lt $replicas 2) }}
podDisruptionBudget.enabled=true with {{ $replicas }} replica: a budget of a single pod protects nothing or blocks every drain of its node; set replicaCount to 2 or more, or the budget to auto
{{- end }}
{{- if and (ne .Values.autoscaling.type "none") (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
autoscaling.minReplicas ({{ .Values.autoscaling.minReplicas }}) is more than autoscaling.maxReplicas ({{ .Values.autoscaling.maxReplicas }})
{{- end }}
{{- if and (eq .Values.autoscaling.type "hpa") (not .Values.autoscaling.hpa.targetCPUUtilizationPercentage) (not .Values.autoscaling.hpa.targetMemoryUtilizationPercentage) }}
autoscaling.type=hpa has no target: set autoscaling.hpa.targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage
{{- end }}
{{- if and (eq .Values.autoscaling.type "keda") (not .Values.autoscaling.keda.serverAddress) (not .Values.autoscaling.keda.extraTriggers) }}
autoscaling.type=keda needs autoscaling.keda.serverAddress, the address of Prometheus (http://prometheus.monitoring:9090)
{{- end }}
{{- if and (kindIs "bool" .Values.hostUsers) (not .Values.hostUsers) (semverCompare "<1.33.0-0" .Capabilities.KubeVersion.Version) }}
hostUsers=false (a user namespace) needs Kubernetes 1.33 or newer, and this is {{ .Capabilities.KubeVersion.Version }}
{{- end }}
{{- end -}}

{{- define "evertoken.checkMonitoring" -}}
{{- $on := list -}}
{{- if .Values.metrics.podMonitor.enabled }}{{ $on = append $on "metrics.podMonitor" }}{{ end -}}
{{- if .Values.metrics.serviceMonitor.enabled }}{{ $on = append $on "metrics.serviceMonitor" }}{{ end -}}
{{- if .Values.metrics.podMonitoring.enabled }}{{ $on = append $on "metrics.podMonitoring" }}{{ end -}}
{{- if gt (len $on) 1 }}
{{ join " and " $on }} are on, and would count every pod more than once; leave one on, preferably metrics.podMonitor
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.service.enabled) }}
metrics.serviceMonitor.enabled needs service.enabled=true; metrics.podMonitor needs no Service
{{- end }}
{{- $alerts := fromYamlArray (include "evertoken.alertNames" .) -}}
{{- range concat .Values.prometheusRule.disabled (keys .Values.prometheusRule.overrides | sortAlpha) }}
{{- if not (has . $alerts) }}
prometheusRule: there is no alert {{ . }}; there are {{ join ", " $alerts }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "evertoken.checkHooks" -}}
{{- if and .Values.preflight.enabled .Values.bundledRedis.enabled (not .Values.bundledRedis.existingSecret) }}
preflight.enabled runs before anything is made, so it cannot read the password that bundledRedis makes; set bundledRedis.existingSecret, or leave preflight off
{{- end }}
{{- if and .Values.preflight.enabled (include "evertoken.makesSealKey" .) }}
preflight.enabled runs before anything is made, so it cannot read the seal key that the chart makes for bundledRedis; set sealKey.existingSecret, or leave preflight off
{{- end }}
{{- if and .Values.preflight.enabled (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
serviceAccount.create=false needs serviceAccount.name
{{- end }}
{{- end -}}
