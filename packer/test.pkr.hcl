# Boots the built image as an operator would and checks it from inside. `make image-test` runs it.

source "qemu" "verify" {
  iso_url          = "${var.output}/qemu/throughway.qcow2"
  iso_checksum     = "none"
  disk_image       = true
  use_backing_file = true
  skip_resize_disk = true
  format           = "qcow2"
  output_directory = "${var.output}/verify"
  vm_name          = "verify.qcow2"

  # Without it: "Backing file specified without backing format".
  qemu_img_args {
    create = ["-F", "qcow2"]
  }

  accelerator    = var.accelerator
  headless       = true
  memory         = 1024
  cpus           = 2
  net_device     = "virtio-net"
  disk_interface = "virtio"
  boot_wait      = "-1s"
  qemuargs = [
    ["-cpu", "max"],
    ["-kernel", "${var.base}/vmlinuz"],
    ["-initrd", "${var.base}/initrd.img"],
    ["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0"],
    ["-device", "virtio-rng-pci"],
    ["-device", "virtio-net,netdev=user.0"],
    ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22,hostfwd=tcp:127.0.0.1:${var.clients_port}-:9093,hostfwd=tcp:127.0.0.1:${var.admin_port}-:8888"],
    # The metadata service at its own address: a program here answers each connection.
    ["-device", "virtio-net,netdev=metadata"],
    ["-netdev", "user,id=metadata,net=169.254.169.0/24,guestfwd=tcp:169.254.169.254:80-cmd:${var.metadata}"],
    ["-drive", "file=${var.output}/verify/verify.qcow2,if=virtio,cache=unsafe,discard=unmap,format=qcow2"],
    ["-drive", "file=${var.verify_seed},if=virtio,format=raw,readonly=on"],
    ["-serial", "file:${var.output}/verify-console.log"],
  ]

  communicator         = "ssh"
  ssh_username         = "admin"
  ssh_private_key_file = var.local_key_file
  ssh_timeout          = "20m"
  shutdown_command     = "sudo -n shutdown -P now"
  shutdown_timeout     = "10m"
}

build {
  name    = "verify"
  sources = ["source.qemu.verify"]

  # What is seen from outside: by a load balancer, AWS and a Kafka client.
  provisioner "shell-local" {
    inline = ["${var.outside} begin"]
  }

  provisioner "shell" {
    remote_folder = "/var/tmp"
    inline        = ["mkdir /var/tmp/throughway-test"]
  }

  provisioner "file" {
    sources     = ["tests/checks.sh", "tests/connects.py"]
    destination = "/var/tmp/throughway-test/"
  }

  # To be installed again, as an upgrade.
  provisioner "file" {
    source      = var.package
    destination = "/var/tmp/throughway-test/throughway.deb"
  }

  provisioner "shell" {
    remote_folder   = "/var/tmp"
    execute_command = "sudo -n env {{ .Vars }} sh '{{ .Path }}' /var/tmp/throughway-test"
    scripts         = ["tests/image.sh"]
  }

  provisioner "shell-local" {
    inline = ["${var.outside} end"]
  }
}
