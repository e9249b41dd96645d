{{/* Parts that the pods of the daemon share with those of the preflight and of `helm test`. */}}

{{- define "evertoken.replicas" -}}
{{- ternary .Values.replicaCount .Values.autoscaling.minReplicas (eq .Values.autoscaling.type "none") -}}
{{- end -}}

{{/* A security context, on OpenShift without the ids that it assigns. Takes a list of the root and the context. */}}
{{- define "evertoken.securityContext" -}}
{{- $root := index . 0 -}}
{{- $context := index . 1 -}}
{{- $mode := $root.Values.openshift.adaptSecurityContext -}}
{{- if or (eq $mode "always") (and (eq $mode "auto") ($root.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" "fsGroupChangePolicy" -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{- define "evertoken.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- if kindIs "bool" .Values.hostUsers }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
securityContext:
  {{- include "evertoken.securityContext" (list . .Values.podSecurityContext) | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.schedulerName }}
schedulerName: {{ . }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Image, environment, mounts and security of a container that runs evertoken. */}}
{{- define "evertoken.container" -}}
image: {{ include "evertoken.image" (list . .Values.image .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "evertoken.securityContext" (list . .Values.securityContext) | nindent 2 }}
env:
  {{- $names := list }}
  {{- range .Values.extraEnv }}
  {{- $names = append $names .name }}
  {{- end }}
  {{- if not (has "EVERTOKEN_CONFIG" $names) }}
  - name: EVERTOKEN_CONFIG
    value: /etc/evertoken/config.yaml
  {{- end }}
  {{- if not (has "NODE_OPTIONS" $names) }}
  - name: NODE_OPTIONS
    value: {{ .Values.nodeOptions | quote }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/evertoken
    readOnly: true
  - name: tmp
    mountPath: /tmp
  {{- if or .Values.bundledRedis.enabled .Values.redis.existingSecret }}
  - name: redis
    mountPath: /var/run/secrets/evertoken/redis
    readOnly: true
  {{- end }}
  {{- if include "evertoken.sealSecret" . }}
  - name: seal-key
    mountPath: /var/run/secrets/evertoken/seal
    readOnly: true
  {{- end }}
  {{- range $i, $name := .Values.clientSecrets }}
  - name: clients-{{ $i }}
    mountPath: /var/run/secrets/evertoken/clients/{{ $name }}
    readOnly: true
  {{- end }}
  {{- range $i, $name := concat .Values.fleets.configMaps .Values.fleets.secrets }}
  - name: fleet-{{ $i }}
    mountPath: /etc/evertoken-fleets/{{ $name }}
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* The volumes. They are folders and not subPath: a file mounted by subPath never changes. Takes a list of the root and
     the name of the ConfigMap. */}}
{{- define "evertoken.volumes" -}}
{{- $root := index . 0 -}}
- name: config
  configMap:
    name: {{ index . 1 }}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: {{ $root.Values.tmpSizeLimit }}
{{- if $root.Values.bundledRedis.enabled }}
- name: redis
  secret:
    secretName: {{ default (include "evertoken.redisName" $root) $root.Values.bundledRedis.existingSecret }}
    defaultMode: 288 # 0440, in a form that every YAML reads alike
{{- else if $root.Values.redis.existingSecret }}
- name: redis
  secret:
    secretName: {{ $root.Values.redis.existingSecret }}
    defaultMode: 288 # 0440, in a form that every YAML reads alike
{{- end }}
{{- with include "evertoken.sealSecret" $root }}
- name: seal-key
  secret:
    secretName: {{ . }}
    defaultMode: 288 # 0440, in a form that every YAML reads alike
{{- end }}
{{- range $i, $name := $root.Values.clientSecrets }}
- name: clients-{{ $i }}
  secret:
    secretName: {{ $name }}
    defaultMode: 288 # 0440, in a form that every YAML reads alike
{{- end }}
{{- range $i, $name := concat $root.Values.fleets.configMaps $root.Values.fleets.secrets }}
- name: fleet-{{ $i }}
  {{- if has $name $root.Values.fleets.configMaps }}
  configMap:
    name: {{ $name }}
  {{- else }}
  secret:
    secretName: {{ $name }}
    defaultMode: 288 # 0440, in a form that every YAML reads alike
  {{- end }}
{{- end }}
{{- with $root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
