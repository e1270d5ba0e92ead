/**
 * Drivers of Linux for devices on PCI, and on the buses of virtio and Hyper-V above it.
 *
 * Source: modules of Debian's Linux 6.1 (amd64) with an alias of such a bus, those of measuring, sensing and control
 * boards left out; what later kernels and other architectures have beside it; and the names under which drivers
 * register where it is not their module's (xhci_hcd, pcieport). `ide` and `scsi` stand for old controllers in general.
 */
const names = `
3c59x 3w_9xxx 3w_sas 3w_xxxx 8139cp 8139too 8250_exar 8250_lpss 9pnet_virtio a100u2w aacraid acard_ahci acenic adm8211
advansys ae4dma ahci aic79xx aic7xxx aic94xx airo alx am53c974 amd8111e amd_rng amd_xgbe amdgpu amdxdna applicom
arcmsr arkfb ast ata_generic ata_piix ath10k_pci ath11k_pci ath12k_wifi7 ath5k ath9k atl1 atl1c atl1e atl2 atlantic
atmel_pci atp870u aty128fb atyfb avmfritz b2c2_flexcop_pci b44 bcma be2iscsi be2net bfa bna bnge bnx2 bnx2fc bnx2i
bnx2x bnxt_en bnxt_re bochs bochs_drm brcmfmac bt878 bttv buslogic cafe_ccic cassini cavium_nitrox cavium_ptp cb710
cciss ccp cdns3_pci cirrus cirrus_qemu cirrusfb com20020_pci cpcihp_zt5550 csiostor cx18 cx23885 cx8800 cx8802
cx88_alsa cxgb cxgb3 cxgb4 cxgb4i cxgb4vf cxl_pci cyber2000fb dc395x ddbridge de2104x defxx dl2k dm1105 dmfe dmx3191d
dt3155 dw_dmac_pci dwc3_pci dwmac_intel e100 e1000 e1000e earth_pt1 earth_pt3 efa efct ehci_hcd ehci_pci ems_pci ena
enetc4 eni enic epic100 erdma esas2r et131x farsync fbnic fealnx firewire_ohci fnic forcedeth fore_200e fsl_enetc
fsl_enetc_vf gma500_gfx gve habanalabs hamachi hclge he hfcmulti hfcpci hfi1 hibmc hinic hinic3 hisi_hpre hisi_qm
hisi_sas_v3_hw hisi_sec2 hisi_zip hns3 hopper hostap_pci hostap_plx hpilo hpsa hptiop hv_balloon hv_netvsc hv_pci
hv_storvsc hv_utils hyperv_drm i40e i801_smbus i915 iavf ib_mthca ib_qib ibmasm ice ide idpf idt77252 idxd igb igbvf
igc initio intel_atomisp2_pm intel_ips intel_ish_ipc intel_lpss intel_lpss_pci intel_rng intel_vpu intel_vsec ioatdma
ionic iosm iphase ipmi_si ipr ips ipw2200 irdma isci isst_if_mbox_pci isst_if_mmio ivtv iwl3945 iwl4965 iwlwifi ixgb
ixgbe ixgbevf jmb38x_ms jme jsm ksz884x kvaser_pci kyrofb lan743x lanai liquidio liquidio_vf lpc_ich lpc_sch
lpfc mac80211_hwsim mana mana_ib mantis matroxfb_base mb862xxfb megaraid megaraid_mbox megaraid_sas mei_me mei_txe
mgag200 mhi_pci_generic misdninfineon mlx4_core mlx4_en mlx5_core mlxsw_spectrum moxa mpi3mr mpt2sas mpt3sas mptfc
mptsas mptspi mt7615e mt76x0e mt76x2e mt7915e mt7921e mt7925e mt7996e mtip32xx mvsas mvumi mwifiex_pcie mwl8k mxser
myrb myri10ge myrs natsemi ne2k_pci neofb net2280 netup_unidvb netxen_nic nfp ngbe ngene nicpf nicstar nicvf niu nosy
nouveau nova_core nozomi ns83820 nvidia nvidia_drm nvme ocrdma octeon_ep ohci_hcd ohci_pci orinoco_nortel
orinoco_plx orinoco_tmd p54pci pata_ali pata_amd pata_artop pata_atiixp pata_atp867x pata_cmd64x pata_efar pata_hpt366
pata_hpt37x pata_it8213 pata_it821x pata_jmicron pata_marvell pata_mpiix pata_netcell pata_ninja32 pata_ns87410
pata_ns87415 pata_oldpiix pata_pdc2027x pata_pdc202xx_old pata_piccolo pata_rdc pata_rz1000 pata_sch pata_serverworks
pata_sil680 pata_sis pata_triflex pata_via pch_udc pci200syn pci_hyperv pci_pf_stub pci_stub pciback pcieport pcnet32
pdc_adma pds_core peak_pci peak_pciefd phantom piix pluto2 plx_pci pm2fb pm3fb pm80xx pmcraid proc_thermal_pci ptdma
pvpanic_pci qaic qat_420xx qat_4xxx qat_c3xxx qat_c3xxxvf qat_c62x qat_c62xvf qat_dh895xcc qat_dh895xccvf qede qedf
qedi qib qla1280 qla2xxx qla3xxx qla4xxx qlcnic qlge qxl r592 r6040 r8125 r8169 r8192e_pci radeon radeonfb
radio_maxiradio rp2 rrunner rt2400pci rt2500pci rt2800pci rt61pci rtase rtl8188ee rtl818x_pci rtl8192ce rtl8192de
rtl8192ee rtl8192se rtl8723ae rtl8723be rtl8821ae rts5208 rtsx_pci rtw88_8723de rtw88_8821ce rtw88_8822be
rtw88_8822ce rtw89_8851be rtw89_8852ae rtw89_8852be rtw89_8852ce rtw89_8922ae rvu_af rvu_nicpf rvu_nicvf s2io s3fb
saa7134 saa7164 sata_mv sata_nv sata_promise sata_qstor sata_sil sata_sil24 sata_sis sata_svw sata_sx4 sata_uli
sata_via sata_vsc savagefb sc92031 scsi sdhci_acpi sdhci_pci sfc sfc_falcon sfc_siena sis190 sis900 sisfb skfp skge
sky2 smartpqi smipcie smsc9420 snd_ad1889 snd_ali5451 snd_als300 snd_als4000 snd_asihpi snd_atiixp snd_atiixp_modem
snd_au8810 snd_au8820 snd_au8830 snd_azt3328 snd_bt87x snd_ca0106 snd_cmipci snd_cs4281 snd_cs46xx snd_ctxfi
snd_darla20 snd_darla24 snd_echo3g snd_emu10k1 snd_emu10k1x snd_ens1370 snd_ens1371 snd_es1938 snd_es1968 snd_fm801
snd_gina20 snd_gina24 snd_hda_intel snd_hda_tegra snd_hdsp snd_hdspm snd_ice1712 snd_ice1724 snd_indigo snd_indigodj
snd_indigodjx snd_indigoio snd_indigoiox snd_intel8x0 snd_intel8x0m snd_korg1212 snd_layla20 snd_layla24 snd_lola
snd_lx6464es snd_maestro3 snd_mia snd_mixart snd_mona snd_nm256 snd_oxygen snd_pci_acp3x snd_pci_acp5x snd_pci_acp6x
snd_pcxhr snd_riptide snd_rme32 snd_rme96 snd_rme9652 snd_rn_pci_acp3x snd_soc_avs snd_soc_skl snd_sof_pci_intel_apl
snd_sof_pci_intel_cnl snd_sof_pci_intel_icl snd_sof_pci_intel_lnl snd_sof_pci_intel_mtl snd_sof_pci_intel_skl
snd_sof_pci_intel_tgl snd_sof_pci_intel_tng snd_sonicvibes snd_trident snd_via82xx snd_via82xx_modem snd_virtuoso
snd_vx222 snd_ymfpci snic solo6x10 solos_pci speedfax spi_pxa2xx_pci ssb starfire stex storvsc sundance sungem sunhme
sym53c8xx sym53c8xx_2 synclink_gt tdfxfb tehuti tg3 thunderbolt tifm_7xx1 tlan tn40xx toshsd tridentfb tsnep tulip
tw686x txgbe typhoon ufshcd_pci uhci_hcd uio_aec uio_cif uio_mf624 uio_netx uio_pci_generic uli526x usnic_verbs
vboxguest vboxvideo vfio_pci via_rhine via_sdmmc via_velocity viafb virtio_balloon virtio_blk virtio_console
virtio_crypto virtio_fs virtio_gpu virtio_input virtio_iommu virtio_mem virtio_net virtio_pci virtio_pmem virtio_rng
virtio_scsi virtiofs vmd vmw_pvrdma vmw_pvscsi vmw_vmci vmw_vsock_virtio_transport vmwgfx vmxnet3 vt8623fb w6692 wanxl
wd719x wil6210 winbond_840 xe xen_pciback xhci_hcd xhci_pci xhci_pci_renesas xircom_cb yellowfin
`;

/** Lower case, with underscores. */
export const pciDrivers: ReadonlySet<string> = new Set(names.trim().split(/\s+/));

/** The name as the list has it: the kernel takes dashes and underscores for the same in names of modules. */
export const driverKey = (name: string): string => name.toLowerCase().replaceAll("-", "_");
