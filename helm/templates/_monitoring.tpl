{{/* "true" where the kind must be rendered. Takes a list of the root, the API version, the kind and the value that asks
     for it. */}}
{{- define "evertoken.renders" -}}
{{- $root := index . 0 -}}
{{- $api := index . 1 -}}
{{- $kind := index . 2 -}}
{{- $known := $root.Capabilities.APIVersions.Has (printf "%s/%s" $api $kind) -}}
{{- if or $known (eq $root.Values.metrics.renderMode "alwaysRender") -}}
true
{{- else if eq $root.Values.metrics.renderMode "failIfMissing" -}}
{{- fail (printf "%s asks for a %s, which this cluster does not know (%s); install its CRD, or set metrics.renderMode to skipIfMissing" (index . 3) $kind $api) -}}
{{- end -}}
{{- end -}}

{{/* The names of all alerts in files/alerts, as a YAML list. */}}
{{- define "evertoken.alertNames" -}}
{{- $names := list -}}
{{- range $path, $_ := .Files.Glob "files/alerts/*.yaml" -}}
{{- range (fromYaml ($.Files.Get $path)).groups -}}
{{- range .rules -}}
{{- if .alert -}}
{{- $names = append $names .alert -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $names -}}
{{- end -}}

{{/* The groups of files/alerts, with the changes of prometheusRule. The files are not templates, so that promtool tests
     the same rules. */}}
{{- define "evertoken.ruleGroups" -}}
{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "files/alerts/*.yaml" -}}
{{- range $group := (fromYaml ($.Files.Get $path)).groups -}}
{{- $rules := list -}}
{{- range $rule := $group.rules -}}
{{- if not $rule.alert -}}
{{- $rules = append $rules $rule -}}
{{- else if not (has $rule.alert $.Values.prometheusRule.disabled) -}}
{{- $own := default dict (get $.Values.prometheusRule.overrides $rule.alert) -}}
{{- $links := dict -}}
{{- with and $.Values.prometheusRule.runbookBaseUrl (dig "annotations" "runbook_url" "" $rule) -}}
{{- $_ := set $links "runbook_url" (replace "https://github.com/evertoken/evertoken/blob/main/helm/files/runbooks" (trimSuffix "/" $.Values.prometheusRule.runbookBaseUrl) .) -}}
{{- end -}}
{{- with and $.Values.prometheusRule.dashboardUrl (dig "annotations" "dashboard_url" "" $rule) -}}
{{- $_ := set $links "dashboard_url" (replace "https://grafana.example.com/d/evertoken" $.Values.prometheusRule.dashboardUrl .) -}}
{{- end -}}
{{- $labels := merge (deepCopy (default dict $own.labels)) $.Values.prometheusRule.additionalRuleLabels (default dict $rule.labels) -}}
{{- $annotations := merge (deepCopy (default dict $own.annotations)) $links (default dict $rule.annotations) -}}
{{- $changed := merge (dict "labels" $labels "annotations" $annotations) (pick $own "expr" "for") (omit $rule "labels" "annotations") -}}
{{- $rules = append $rules $changed -}}
{{- end -}}
{{- end -}}
{{- if $rules -}}
{{- $groups = append $groups (merge (dict "rules" $rules) (omit $group "rules")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}
