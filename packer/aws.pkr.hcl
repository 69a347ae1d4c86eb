# The AMI. What only a current Packer knows stands between the marks.

locals {
  stamp = formatdate("YYYYMMDDhhmm", timestamp())
  tags = {
    Owner      = "throughway"
    Version    = var.version
    Commit     = var.commit
    SbomSha256 = var.sbom_digest
    BaseOs     = "debian-13"
  }
}

source "amazon-ebs" "throughway" {
  region              = var.region
  custom_endpoint_ec2 = var.ec2_endpoint
  instance_type       = var.instance_type
  subnet_id           = var.subnet_id

  source_ami_filter {
    filters = {
      name                = var.source_ami_name
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = [var.source_ami_owner]
    most_recent = true
  }

  ami_name                = "throughway-${var.version}-debian13-amd64-${local.stamp}"
  ami_description         = "throughway ${var.version}, edge proxy for Apache Kafka"
  ami_virtualization_type = "hvm"
  ena_support             = true
  encrypt_boot            = true
  kms_key_id              = var.kms_key_id

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = 8
    iops                  = 3000
    throughput            = 125
    delete_on_termination = true
  }

  run_tags        = merge(local.tags, { Name = "packer throughway ${var.version}" })
  run_volume_tags = merge(local.tags, { Name = "packer throughway ${var.version}" })
  tags            = merge(local.tags, { Name = "throughway ${var.version}", SourceAMI = "{{ .SourceAMI }}" })
  snapshot_tags   = merge(local.tags, { Name = "throughway ${var.version}" })

  communicator                          = "ssh"
  ssh_username                          = "admin"
  ssh_host                              = var.ssh_host
  ssh_port                              = var.ssh_port
  ssh_keypair_name                      = var.ssh_keypair_name
  ssh_private_key_file                  = var.ssh_private_key_file
  ssh_clear_authorized_keys             = true
  temporary_security_group_source_cidrs = var.builder_cidrs

  # >>> packer-current
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  imds_support = "v2.0"
  deprecate_at = timeadd(timestamp(), "8760h")
  deregistration_protection {
    enabled = true
  }
  # <<< packer-current
}
