{{/* The configuration of the daemon: the values, and the files that the chart mounts. */}}

{{- define "evertoken.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "http" (merge (dict "listen" ":9464") (default dict $config.http)) -}}
{{- if .Values.bundledRedis.enabled -}}
{{- $url := printf "redis://%s:6379" (include "evertoken.redisName" .) -}}
{{- $password := dict "file" "/var/run/secrets/evertoken/redis/password" -}}
{{- $_ := set $config "redis" (dict "url" $url "password" $password) -}}
{{- else if .Values.redis.existingSecret -}}
{{- $redis := default dict $config.redis -}}
{{- with .Values.redis.passwordKey -}}
{{- $_ := set $redis "password" (dict "file" (printf "/var/run/secrets/evertoken/redis/%s" .)) -}}
{{- end -}}
{{- with .Values.redis.caKey -}}
{{- $_ := set $redis "tls" (merge (dict "caFile" (printf "/var/run/secrets/evertoken/redis/%s" .)) (default dict $redis.tls)) -}}
{{- end -}}
{{- with .Values.redis.sentinelPasswordKey -}}
{{- $password := dict "file" (printf "/var/run/secrets/evertoken/redis/%s" .) -}}
{{- $_ := set $redis "sentinel" (merge (dict "password" $password) (default dict $redis.sentinel)) -}}
{{- end -}}
{{- $_ := set $config "redis" $redis -}}
{{- end -}}
{{- if include "evertoken.sealSecret" . -}}
{{- $keys := list -}}
{{- range prepend .Values.sealKey.olderKeys .Values.sealKey.key -}}
{{- $keys = append $keys (dict "file" (printf "/var/run/secrets/evertoken/seal/%s" .)) -}}
{{- end -}}
{{- $_ := set $config "sealKey" (ternary (first $keys) $keys (eq (len $keys) 1)) -}}
{{- end -}}
{{- $include := default list $config.include -}}
{{- if kindIs "string" $include -}}
{{- $include = list $include -}}
{{- end -}}
{{- range $name := concat .Values.fleets.configMaps .Values.fleets.secrets -}}
{{- $include = append $include (printf "/etc/evertoken-fleets/%s" $name) -}}
{{- end -}}
{{- if $include -}}
{{- $_ := set $config "include" $include -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The part that a running daemon cannot reload: only a change of this part starts new pods. */}}
{{- define "evertoken.startConfig" -}}
{{- $config := fromYaml (include "evertoken.config" .) -}}
{{- $start := pick $config "redis" "dataDir" "sealKey" "http" "statusPage" "tracing" -}}
{{- $_ := set $start "log" (pick (default dict $config.log) "format") -}}
{{- toYaml $start -}}
{{- end -}}

{{/* A duration such as 1h30m or 500ms in whole seconds, rounded up. */}}
{{- define "evertoken.seconds" -}}
{{- $ms := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- $total := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d)" . -1 -}}
{{- $unit := regexReplaceAll "[0-9]+" . "" -}}
{{- $total = add $total (mul (trimSuffix $unit . | int64) (get $ms $unit)) -}}
{{- end -}}
{{- div (add $total 999) 1000 -}}
{{- end -}}
