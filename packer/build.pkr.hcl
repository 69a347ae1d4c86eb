# One build for both sources: what is tried locally is what the AMI gets.

build {
  sources = ["source.amazon-ebs.throughway", "source.qemu.throughway"]

  provisioner "shell" {
    remote_folder = "/var/tmp"
    inline        = ["mkdir -p /var/tmp/throughway-build/files"]
  }

  provisioner "file" {
    source      = "files/"
    destination = "/var/tmp/throughway-build/files"
  }

  provisioner "file" {
    source      = var.package
    destination = "/var/tmp/throughway-build/throughway.deb"
  }

  provisioner "file" {
    source      = var.sbom
    destination = "/var/tmp/throughway-build/throughway.cdx.json"
  }

  # An optional package travels the same way; where there is none, the licence text stands in.
  provisioner "file" {
    source      = var.ssm_agent_package == "" ? "../LICENSE" : var.ssm_agent_package
    destination = "/var/tmp/throughway-build/ssm-agent"
  }

  provisioner "shell" {
    # Scripts run from /var/tmp: an image may mount /tmp without execution.
    remote_folder = "/var/tmp"
    environment_vars = [
      "DEBIAN_FRONTEND=noninteractive",
      "BUILD=/var/tmp/throughway-build",
      "VERSION=${var.version}",
      "COMMIT=${var.commit}",
      "WITH_SSM_AGENT=${var.ssm_agent_package == "" ? "no" : "yes"}",
    ]
    execute_command = "sudo -n env {{ .Vars }} sh '{{ .Path }}'"
    scripts = [
      "provision/10-base.sh",
      "provision/20-harden.sh",
      "provision/30-throughway.sh",
      "provision/40-observability.sh",
      "provision/90-sbom.sh",
    ]
  }

  provisioner "file" {
    direction   = "download"
    source      = "/usr/share/throughway/sbom/image.cdx.json"
    destination = "${var.output}/"
  }

  # Last: nothing after it may leave a trace.
  provisioner "shell" {
    remote_folder   = "/var/tmp"
    execute_command = "sudo -n env {{ .Vars }} sh '{{ .Path }}'"
    scripts         = ["provision/99-clean.sh"]
  }

  post-processor "manifest" {
    output     = "${var.output}/manifest.json"
    strip_path = true
    custom_data = {
      version     = var.version
      commit      = var.commit
      sbom_sha256 = var.sbom_digest
    }
  }

  post-processor "checksum" {
    only                = ["qemu.throughway"]
    checksum_types      = ["sha256"]
    output              = "${var.output}/throughway.qcow2.sha256"
    keep_input_artifact = true
  }
}
