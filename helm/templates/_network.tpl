{{/* The peers of the daemon, by its configuration. Only the daemon knows the value of a ${VARIABLE}. */}}

{{/* Host and port of an address, as YAML. Takes a list of the address (URL or host:port) and the default port. */}}
{{- define "evertoken.hostPort" -}}
{{- $authority := regexReplaceAll "^[a-z+]+://" (index . 0) "" -}}
{{- $authority = regexReplaceAll "[/?#].*$" $authority "" -}}
{{- $authority = regexReplaceAll "^.*@" $authority "" -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $authority) -}}
{{- if not (contains "$" $authority) -}}
host: {{ regexReplaceAll ":[0-9]+$" $authority "" | trimPrefix "[" | trimSuffix "]" | quote }}
port: {{ default (index . 1) $port }}
{{- end -}}
{{- end -}}

{{/* The Redis servers that the configuration names: a list of host and port. Only Sentinels know the port of their master:
     it is taken to be 6379, or networkPolicy.redisPorts. */}}
{{- define "evertoken.redisServers" -}}
{{- $redis := default dict .Values.config.redis -}}
{{- $servers := list -}}
{{- with $redis.url -}}
{{- $servers = append $servers (fromYaml (include "evertoken.hostPort" (list . 6379))) -}}
{{- end -}}
{{- range dig "cluster" "nodes" list $redis -}}
{{- $servers = append $servers (fromYaml (include "evertoken.hostPort" (list . 6379))) -}}
{{- end -}}
{{- range dig "sentinel" "nodes" list $redis -}}
{{- $servers = append $servers (fromYaml (include "evertoken.hostPort" (list . 26379))) -}}
{{- end -}}
{{- if $redis.sentinel -}}
{{- $servers = append $servers (dict "port" 6379) -}}
{{- end -}}
{{- toYaml $servers -}}
{{- end -}}

{{- define "evertoken.redisPorts" -}}
{{- $ports := .Values.networkPolicy.redisPorts -}}
{{- range fromYamlArray (include "evertoken.redisServers" .) -}}
{{- $ports = append $ports (default 6379 .port) -}}
{{- end -}}
{{- $whole := list -}}
{{- range $ports }}{{ $whole = append $whole (int .) }}{{ end -}}
{{- $whole | uniq | toYaml -}}
{{- end -}}

{{/* A single Redis with an IP address is the only peer. A NetworkPolicy cannot name hosts. */}}
{{- define "evertoken.redisPeers" -}}
{{- if .Values.networkPolicy.redisTo -}}
{{- toYaml .Values.networkPolicy.redisTo -}}
{{- else -}}
{{- $peers := list -}}
{{- range fromYamlArray (include "evertoken.redisServers" .) -}}
{{- if regexMatch "^[0-9.]+$" (default "" .host) -}}
{{- $peers = append $peers (dict "ipBlock" (dict "cidr" (printf "%s/32" .host))) -}}
{{- end -}}
{{- end -}}
{{- if and (eq (len $peers) 1) .Values.config.redis.url -}}
{{- toYaml $peers -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Hosts and ports of token endpoints and stores: a list. */}}
{{- define "evertoken.remotes" -}}
{{- $remotes := list -}}
{{- range .Values.config.providers -}}
{{- $remotes = append $remotes (fromYaml (include "evertoken.hostPort" (list .tokenEndpoint (ternary 80 443 (hasPrefix "http://" .tokenEndpoint))))) -}}
{{- end -}}
{{- range .Values.config.stores -}}
{{- if eq .type "aws-secrets-manager" -}}
{{- $remotes = append $remotes (dict "host" (printf "secretsmanager.%s.amazonaws.com" .region) "port" 443) -}}
{{- $remotes = append $remotes (dict "host" (printf "sts.%s.amazonaws.com" .region) "port" 443) -}}
{{- $remotes = append $remotes (dict "host" "sts.amazonaws.com" "port" 443) -}}
{{- else if eq .type "gcp-secret-manager" -}}
{{- range tuple "secretmanager" "sts" "iamcredentials" "oauth2" -}}
{{- $remotes = append $remotes (dict "host" (printf "%s.googleapis.com" .) "port" 443) -}}
{{- end -}}
{{- with .location -}}
{{- $remotes = append $remotes (dict "host" (printf "secretmanager.%s.rep.googleapis.com" .) "port" 443) -}}
{{- end -}}
{{- end -}}
{{- with .endpoint -}}
{{- $remotes = append $remotes (fromYaml (include "evertoken.hostPort" (list . (ternary 80 443 (hasPrefix "http://" .))))) -}}
{{- end -}}
{{- end -}}
{{- $known := list -}}
{{- range $remotes }}{{ if .host }}{{ $known = append $known (dict "host" .host "port" (int .port)) }}{{ end }}{{ end -}}
{{- $known | uniq | toYaml -}}
{{- end -}}

{{/* Ports of token endpoints and stores. 443 is always among them, because fleets may add endpoints. */}}
{{- define "evertoken.remotePorts" -}}
{{- $ports := list 443 -}}
{{- range fromYamlArray (include "evertoken.remotes" .) -}}
{{- $ports = append $ports (int .port) -}}
{{- end -}}
{{- $ports | uniq | toYaml -}}
{{- end -}}
