{{- define "mrrd.labels" -}}
app.kubernetes.io/name: mrrd
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mrrd.pod" -}}
{{- $root := .root -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
automountServiceAccountToken: false
terminationGracePeriodSeconds: 60
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        app.kubernetes.io/instance: {{ $root.Release.Name }}
        app.kubernetes.io/component: {{ .component }}
containers:
  - name: mrrd
    image: "{{ $root.Values.image.repository }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}"
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: ["--config", "/etc/mrrd/mrrd.toml", "serve", "--wait-for", "60"]
    env:
      - { name: MRRD_SERVER__LISTEN, value: "0.0.0.0:8787" }
      - { name: MRRD_SERVER__ROLES, value: {{ .roles | quote }} }
      - { name: MRRD_DATABASE__URL_FILE, value: /run/secrets/mrrd/database-url }
      - { name: MRRD_STRIPE__WEBHOOK_SECRETS_FILE, value: /run/secrets/mrrd/webhook-secrets }
      - { name: MRRD_API__TOKENS_FILE, value: /run/secrets/mrrd/api-tokens }
      - { name: MRRD_LOG__FORMAT, value: json }
    ports:
      - { name: http, containerPort: 8787 }
    livenessProbe:
      httpGet: { path: /healthz, port: http }
      periodSeconds: 10
    readinessProbe:
      httpGet: { path: /readyz, port: http }
      periodSeconds: 5
    startupProbe:
      httpGet: { path: /healthz, port: http }
      failureThreshold: 30
      periodSeconds: 2
    resources: {{- toYaml .resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: { drop: ["ALL"] }
    volumeMounts:
      - { name: config, mountPath: /etc/mrrd, readOnly: true }
      - { name: secrets, mountPath: /run/secrets/mrrd, readOnly: true }
      - { name: state, mountPath: /var/lib/mrrd }
volumes:
  - name: config
    configMap: { name: {{ $root.Release.Name }}-config }
  - name: secrets
    secret: { secretName: {{ $root.Values.existingSecret }} }
  - name: state
    emptyDir: {}
{{- end }}
