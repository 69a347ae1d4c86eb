# What a build is told. Nothing here is a secret.

variable "version" {
  type        = string
  description = "Version of throughway, as in the package."
  default     = "0.0.0"
}

variable "commit" {
  type        = string
  description = "Commit the package was built from."
  default     = "unknown"
}

variable "package" {
  type        = string
  description = "The .deb to install (make deb)."
  default     = "../target/deb/throughway.deb"
}

variable "sbom" {
  type        = string
  description = "The binary's CycloneDX file (make deb writes it beside the package)."
  default     = "../target/deb/throughway.cdx.json"
}

variable "sbom_digest" {
  type        = string
  description = "SHA-256 of that file, for the image's tags."
  default     = "unknown"
}

variable "output" {
  type        = string
  description = "Folder for the manifest, checksums, SBOMs and the local image."
  default     = "../target/image"
}

variable "ssm_agent_package" {
  type        = string
  description = "A .deb of Amazon's SSM agent on the building machine; empty installs none."
  default     = ""
}

# amazon-ebs

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "source_ami_owner" {
  type        = string
  description = "Account that publishes the base image. Debian's own."
  default     = "136693071363"
}

variable "source_ami_name" {
  type    = string
  default = "debian-13-amd64-*"
}

variable "instance_type" {
  type    = string
  default = "c7i.large"
}

variable "kms_key_id" {
  type        = string
  description = "Key for the image's snapshots. Empty: the account's default key, whose images cannot be shared."
  default     = ""
}

variable "builder_cidrs" {
  type        = list(string)
  description = "From where the building machine reaches the temporary instance. Packer's own default is the whole world."
  default     = ["10.0.0.0/8"]

  validation {
    condition     = length(var.builder_cidrs) > 0 && length(setintersection(var.builder_cidrs, ["0.0.0.0/0", "::/0"])) == 0
    error_message = "The builder_cidrs must name the building machine's networks, not the whole world."
  }
}

variable "subnet_id" {
  type    = string
  default = ""
}

variable "ec2_endpoint" {
  type        = string
  description = "Another EC2 endpoint, for an emulator or a private one."
  default     = ""
}

variable "ssh_host" {
  type        = string
  description = "Instead of the instance's address, for an emulator."
  default     = ""
}

variable "ssh_port" {
  type    = number
  default = 22
}

variable "ssh_keypair_name" {
  type        = string
  description = "An existing key pair instead of a temporary one; goes with ssh_private_key_file."
  default     = ""
}

variable "ssh_private_key_file" {
  type    = string
  default = ""
}

# qemu

variable "accelerator" {
  type        = string
  description = "Without hardware support only tcg works; Packer's own default does not notice."
  default     = "tcg"
}

variable "base" {
  type        = string
  description = "Folder with base.qcow2, vmlinuz and initrd.img (packer/base.sh)."
  default     = "../target/image/base"
}

variable "seed" {
  type        = string
  description = "cloud-init seed that lets the key below in (packer/cloud-init/seed.sh)."
  default     = "../target/image/seed.iso"
}

variable "verify_seed" {
  type        = string
  description = "cloud-init seed of the boot test."
  default     = "../target/image/verify-seed.iso"
}

variable "clients_port" {
  type        = number
  description = "Where the boot test reaches the machine's listener on this one."
  default     = 9093
}

variable "admin_port" {
  type        = number
  description = "And its Admin API."
  default     = 8888
}

variable "metadata" {
  type        = string
  description = "The program that answers the boot test's metadata service."
  default     = "false"
}

variable "outside" {
  type        = string
  description = "The program that looks at the machine from outside."
  default     = "false"
}

variable "local_key_file" {
  type        = string
  description = "Private key for the local machine, made for one build."
  default     = "../target/image/key"
}
