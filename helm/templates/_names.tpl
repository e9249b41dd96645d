{{/* Names and labels. */}}

{{- define "evertoken.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 46 letters: the longest suffix is `-redis`, and a StatefulSet whose name has more than 52 gets no pods. */}}
{{- define "evertoken.fullname" -}}
{{- $name := include "evertoken.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 46 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "evertoken.redisName" -}}
{{- printf "%s-redis" (include "evertoken.fullname" .) -}}
{{- end -}}

{{/* The Secret with the seal key; empty where the configuration says where the key is, or that there is none. */}}
{{- define "evertoken.sealSecret" -}}
{{- if .Values.sealKey.existingSecret -}}
{{- .Values.sealKey.existingSecret -}}
{{- else if include "evertoken.makesSealKey" . -}}
{{- printf "%s-seal" (include "evertoken.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* Whether the chart makes a seal key: for its own Redis, where none is given. Empty: no. */}}
{{- define "evertoken.makesSealKey" -}}
{{- $given := or .Values.sealKey.existingSecret .Values.config.sealKey .Values.config.allowUnsealed -}}
{{- if and .Values.bundledRedis.enabled (not $given) -}}true{{- end -}}
{{- end -}}

{{- define "evertoken.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "evertoken.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "evertoken.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The labels that select the pods of a component, "daemon" or "redis". Takes a list of the root and the component. */}}
{{- define "evertoken.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "evertoken.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The labels of an object. The chart's own win over commonLabels and over labels that the object adds: no key may
     stand twice. Takes a list of the root, the component and optional labels. */}}
{{- define "evertoken.labels" -}}
{{- $root := index . 0 -}}
{{- $labels := fromYaml (include "evertoken.selectorLabels" .) -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- $_ := set $labels "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" "evertoken" -}}
{{- if gt (len .) 2 -}}
{{- $labels = merge $labels (index . 2) -}}
{{- end -}}
{{- merge $labels $root.Values.commonLabels | toYaml -}}
{{- end -}}

{{/* The metadata of an object. Takes a dict of root, component and optional suffix, labels, annotations, namespace. */}}
{{- define "evertoken.metadata" -}}
name: {{ include "evertoken.fullname" .root }}{{ .suffix }}
namespace: {{ default (include "evertoken.namespace" .root) .namespace }}
labels:
  {{- include "evertoken.labels" (list .root .component (default dict .labels)) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The reference of an image. Takes a list of the root, the values of the image, and the default tag. */}}
{{- define "evertoken.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $registry := default $image.registry $root.Values.global.imageRegistry -}}
{{- $name := ternary $image.repository (printf "%s/%s" $registry $image.repository) (empty $registry) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default (index . 2) $image.tag) -}}
{{- end -}}
{{- end -}}
